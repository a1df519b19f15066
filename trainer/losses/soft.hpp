#pragma once

#include "trainer/losses/loss.hpp"

namespace trainer {

/// Cross-entropy of the blended input.
/// loss = - mean_B log softmax(g(sum_j a_j x_j))_y
///
/// Shapes: -> [T]   Units: nats
/// Source: Vashisht and Ramaswamy, ECAI 2023 (soft attention)
torch::Tensor soft_loss(Pass& pass);

Loss soft();

}  // namespace trainer
