#pragma once

#include "trainer/losses/pass.hpp"

/// Inputs that tests of losses share, and how they compare numbers.
namespace trainer {

/// A classifier whose logits are the features themselves.
inline torch::Tensor identity(const torch::Tensor& points) {
  return points;
}

/// Shapes: scores [T, m, B], segments [1, d, m, B]
inline Pass make_pass(const torch::Tensor& scores, const torch::Tensor& segments,
                      const torch::Tensor& labels, const Pass::Classifier& classify = identity) {
  return {scores, segments, labels, labels.size(0), classify};
}

/// Random inputs for T = 3 trials with a linear classifier of their own each.
struct RandomInputs {
  torch::Tensor scores = torch::randn({3, 5, 4}, torch::kDouble).requires_grad_();  // [T, m, B]
  torch::Tensor segments = torch::randn({1, 6, 5, 4}, torch::kDouble);              // [1, d, m, B]
  torch::Tensor labels = torch::randint(7, {4}, torch::kLong);                      // [B]
  torch::Tensor weight = torch::randn({3, 7, 6}, torch::kDouble).requires_grad_();  // [T, C, d]

  Pass pass() const { return pass_of(scores, weight); }
  Pass pass_of(const torch::Tensor& some_scores, const torch::Tensor& some_weight) const {
    return make_pass(some_scores, segments, labels, [some_weight](const torch::Tensor& points) {
      return torch::bmm(some_weight, points.expand({some_weight.size(0), -1, -1}));
    });
  }
};

inline torch::Tensor gradient(const torch::Tensor& loss, const torch::Tensor& of) {
  return torch::autograd::grad({loss.sum()}, {of})[0];
}

inline double max_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

inline double relative_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return max_difference(a, b) / b.abs().max().item<double>();
}

}  // namespace trainer
