#pragma once

#include "trainer/torch.hpp"

namespace trainer {

/// sum_j a_j x_j, without a tensor of all the products a_j x_j.
/// Shapes: attention [T, m, B], segments [T or 1, d, m, B] -> [T, d, B]
torch::Tensor blend(const torch::Tensor& attention, const torch::Tensor& segments);

/// blend() of segments that all trials share, by a product for each input: what LibTorch's
/// operators do with the least traffic to the memory of a GPU. Rounds both factors as any product.
/// Shapes: attention [T, m, B], segments [1, d, m, B] -> [T, d, B], a view of [B, T, d]
torch::Tensor blend_by_products(const torch::Tensor& attention, const torch::Tensor& segments);

}  // namespace trainer
