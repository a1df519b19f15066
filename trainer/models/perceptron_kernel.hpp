#pragma once

#include <cstdint>

/// One trial's perceptron, V activation(W x + b) + c, on a block of points, on a CPU. What a block
/// needs stays in a core's cache from one product to the next, unlike with LibTorch's operators.
namespace trainer {

enum class Activation : std::uint8_t { relu, tanh };

struct PerceptronSizes {
  std::int64_t in, hidden, out;
  Activation activation;
};

/// Of one trial; or the gradients of these.
template <class Number>
struct PerceptronWeights {
  Number* weight;      ///< [hidden, in]
  Number* bias;        ///< [hidden]
  Number* out_weight;  ///< [out, hidden]
  Number* out_bias;    ///< [out], null: none
};

/// Rows of a block are `stride` numbers apart; the first `columns` of each are points. Both are
/// multiples of 16, and `stride` such that rows do not compete for the same lines of a cache.
struct Block {
  std::int64_t columns;
  std::int64_t stride;
};

/// The size of blocks for `num_points` points. All but the last are full.
Block choose_block(const PerceptronSizes& sizes, std::int64_t num_points,
                   std::int64_t number_bytes);

template <class Number>
struct PerceptronRun {
  PerceptronSizes sizes;
  PerceptronWeights<const Number> weights;
  Block block;
  const Number* points;  ///< [in, stride]
  Number* hidden;        ///< [hidden, stride]: the hidden units' values, written
  Number* outputs;       ///< [out, stride], written
};

/// In single precision tanh is a quotient of polynomials: at most 5e-7 off, relatively, exactly
/// odd, and within [-1, 1].
void run(const PerceptronRun<float>& run);
void run(const PerceptronRun<double>& run);

template <class Number>
struct PerceptronGradients {
  const Number* of_outputs;              ///< [out, stride], 0 where the block is not full
  Number* of_sums;                       ///< [hidden, stride]: W x + b, written
  PerceptronWeights<Number> of_weights;  ///< added to
  Number* of_points;                     ///< [in, stride], written; null: not wanted
};

/// After run(), whose outputs are not needed any more.
void differentiate(const PerceptronRun<float>& run, const PerceptronGradients<float>& gradients);
void differentiate(const PerceptronRun<double>& run, const PerceptronGradients<double>& gradients);

}  // namespace trainer
