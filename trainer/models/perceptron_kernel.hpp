#pragma once

#include <cstdint>
#include <vector>

/// One trial's perceptron, V activation(W x + b) + c, on a block of points, on a CPU. What a block
/// needs stays in a core's cache from one product to the next, unlike with LibTorch's operators.
namespace trainer {

enum class Activation : std::uint8_t { relu, tanh };

struct PerceptronSizes {
  std::int64_t in = 0;
  std::int64_t hidden = 0;
  std::int64_t out = 0;
  Activation activation = Activation::relu;
};

/// Of one trial; or the gradients of these.
template <class Number>
struct PerceptronWeights {
  Number* weight = nullptr;      ///< [hidden, in]
  Number* bias = nullptr;        ///< [hidden]
  Number* out_weight = nullptr;  ///< [out, hidden]
  Number* out_bias = nullptr;    ///< [out], null: none
};

/// Rows of a block are `stride` numbers apart; the first `columns` of each are points. Both are
/// multiples of 16, and `stride` such that rows do not compete for the same lines of a cache.
struct Block {
  std::int64_t columns = 0;
  std::int64_t stride = 0;
};

/// The size of blocks for `num_points` points. All but the last are full; that one may be computed
/// with as few columns as hold its points.
Block choose_block(const PerceptronSizes& sizes, std::int64_t num_points,
                   std::int64_t number_bytes);

/// The least multiple of 16 that holds so many numbers: whole vectors of any processor.
std::int64_t padded(std::int64_t count);

template <class Number>
struct PerceptronRun {
  PerceptronSizes sizes = {};
  PerceptronWeights<const Number> weights = {};
  Block block = {};
  const Number* points = nullptr;  ///< [in, stride]
  Number* hidden = nullptr;        ///< [hidden, stride]: the hidden units' values, written
  Number* outputs = nullptr;       ///< [out, stride], written
};

template <class Number>
struct PerceptronGradients {
  const Number* of_outputs = nullptr;         ///< [out, stride], 0 where the block is not full
  const Number* transposed_points = nullptr;  ///< [columns, padded(in)], by transpose()
  Number* of_sums = nullptr;                  ///< [hidden, stride]: W x + b, written
  Number* of_weight_here = nullptr;  ///< [hidden, padded(in)], up to `in` written: of this block
  PerceptronWeights<Number> of_weights = {};  ///< added to
  Number* of_points = nullptr;                ///< [in, stride], written; null: not wanted
};

/// Points of a block one after the other.
/// Shapes: points [padded(in), stride], transposed [columns, padded(in)]
template <class Number>
void transpose(const Number* points, std::int64_t in, const Block& block, Number* transposed);

/// Compiled for one generation of processors. In single precision tanh is a quotient of
/// polynomials: at most 5e-7 off, relatively, exactly odd, and within [-1, 1].
template <class Number>
struct PerceptronKernel {
  void (*run)(const PerceptronRun<Number>& run) = nullptr;

  /// After run(), whose points and outputs are not needed any more.
  void (*differentiate)(const PerceptronRun<Number>& run,
                        const PerceptronGradients<Number>& gradients) = nullptr;
};

/// All that this processor runs, the best first.  Number: float or double
template <class Number>
const std::vector<PerceptronKernel<Number>>& perceptron_kernels();

}  // namespace trainer
