#pragma once

#include "trainer/losses/loss.hpp"

namespace trainer {

/// Negative log of the marginal likelihood, the attended segment being a latent variable.
/// loss = - mean_B log sum_j a_j softmax(g(x_j))_y, by log-sum-exp: finite for any finite scores
///
/// Shapes: -> [T]   Units: nats
/// Source: Vashisht and Ramaswamy, ECAI 2023 (latent variable marginal likelihood)
torch::Tensor lvml_loss(Pass& pass);

Loss lvml();

}  // namespace trainer
