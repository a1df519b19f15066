#pragma once

#include "trainer/losses/loss.hpp"

namespace trainer {

/// Negative log of the marginal likelihood, the attended segment being a latent variable.
/// loss = - mean_B log(epsilon + sum_j a_j softmax(g(x_j))_y), by log-sum-exp: finite for any
/// finite scores, so that epsilon > 0 only caps the loss, and its gradient with it.
///
/// Shapes: -> [T]   Units: nats   Ranges: epsilon >= 0
/// Source: Vashisht and Ramaswamy, ECAI 2023 (latent variable marginal likelihood); its code has
///         1e-30 as epsilon
torch::Tensor lvml_loss(Pass& pass, double epsilon = 0);

Loss lvml();

}  // namespace trainer
