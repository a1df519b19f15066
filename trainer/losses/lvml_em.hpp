#pragma once

#include "trainer/losses/loss.hpp"

namespace trainer {

/// What the M-step of expectation maximisation minimises; the E-step is the posterior q, taken
/// without gradient. One step has exactly the gradient of lvml_loss(), which is what the loss shows
/// as its value, so that curves of the two can be compared.
/// objective = - mean_B sum_j q_j (log a_j + log p_j),  p_j = softmax(g(x_j))_y,
///   q_j = a_j p_j / sum_i a_i p_i
///
/// Shapes: -> [T]   Units: nats
/// Source: the modules published with Vashisht and Ramaswamy, ECAI 2023
torch::Tensor lvml_em_objective(Pass& pass);

Loss lvml_em();

}  // namespace trainer
