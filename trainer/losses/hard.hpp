#pragma once

#include "trainer/losses/loss.hpp"

namespace trainer {

/// Expected cross-entropy of a segment drawn by its weight, exactly, without sampling.
/// loss = - mean_B sum_j a_j log softmax(g(x_j))_y
///
/// Shapes: -> [T]   Units: nats
/// Source: Vashisht and Ramaswamy, ECAI 2023 (hard attention)
torch::Tensor hard_loss(Pass& pass);

Loss hard();

}  // namespace trainer
