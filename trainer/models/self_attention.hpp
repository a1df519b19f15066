#pragma once

#include <vector>

#include "trainer/parameters.hpp"
#include "trainer/torch.hpp"

/// A layer in which every segment of an input looks at all of them, by several heads. Each head has
/// its own share of the features.
namespace trainer {

struct SelfAttention {
  std::int64_t features = 0;  ///< d
  std::int64_t heads = 1;     ///< a divisor of d
  double scale = 1;           ///< scores are q k / sqrt(scale)

  /// W_q, W_k, W_v [d, d], W_o [d, d], b_o [d]
  std::vector<WeightShape> weights() const;

  /// W_o (softmax(q k / sqrt(scale)) v) + b_o,  q = W_q x, k = W_k x, v = W_v x,
  /// where the softmax of head h runs over the segments that `hidden` does not hide from it.
  ///
  /// Shapes: weights [T, sizes...], x [T, d, m, B], hidden [1 or heads, B, m] bool or undefined
  ///         -> [T, d, m, B]
  torch::Tensor forward(std::span<const torch::Tensor> weights, const torch::Tensor& x,
                        const torch::Tensor& hidden) const;
};

}  // namespace trainer
