#pragma once

#include <cstdint>
#include <vector>

#include "trainer/parameters.hpp"
#include "trainer/torch.hpp"

/// The dense layer of a pack. Samples are innermost, so that one product serves all segments and
/// rounds alike for any T.
namespace trainer {

/// W x.  Shapes: weight [T, out, in], points [T or 1, in, N] -> [T, out, N]
torch::Tensor dense(const torch::Tensor& weight, const torch::Tensor& points);

/// W x + b.  Shapes: weight [T, out, in], bias [T, out], points [T or 1, in, N] -> [T, out, N]
torch::Tensor dense(const torch::Tensor& weight, const torch::Tensor& bias,
                    const torch::Tensor& points);

/// Likewise of points that all trials share, with the bias as a column of the weight for a row of
/// ones beside the points: nothing but the product reads or writes what is as large as its result,
/// nor does the gradient of the bias. The bias is rounded as factors are.
/// Shapes: weight [T, out, in], bias [T, out], points [1, in, N] -> [T, out, N]
torch::Tensor dense_of_shared(const torch::Tensor& weight, const torch::Tensor& bias,
                              const torch::Tensor& points);

/// What dense() takes: a weight, or a weight and a bias.
std::vector<WeightShape> dense_weights(std::int64_t in, std::int64_t out);
std::vector<WeightShape> dense_weights_and_bias(std::int64_t in, std::int64_t out);

}  // namespace trainer
