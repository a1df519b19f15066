#pragma once

#include "trainer/losses/loss.hpp"

namespace trainer {

/// Cross-entropy of the averaged logits of the segments.
/// loss = - mean_B log softmax(sum_j a_j g(x_j))_y
/// With a linear g it is soft_loss(). None of the three rules averages logits; the blend is the
/// published one, and the same with a linear g.
///
/// Shapes: -> [T]   Units: nats
/// Source: the HateXplain scripts published with Vashisht and Ramaswamy, ECAI 2023, which call it
///         LVML
torch::Tensor lvml_logits_loss(Pass& pass);

Loss lvml_logits();

}  // namespace trainer
