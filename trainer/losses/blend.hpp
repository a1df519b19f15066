#pragma once

#include "trainer/torch.hpp"

namespace trainer {

/// sum_j a_j x_j, without a tensor of all the products a_j x_j.
/// Shapes: attention [T, m, B], segments [T or 1, d, m, B] -> [T, d, B]
torch::Tensor blend(const torch::Tensor& attention, const torch::Tensor& segments);

}  // namespace trainer
