#include <cmath>

#include <gtest/gtest.h>

#include "trainer/gradient_flow/flow.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/losses/pass.hpp"
#include "trainer/registry.hpp"
#include "trainer/torch.hpp"

namespace trainer {
namespace {

using torch::Tensor;

constexpr std::int64_t kSegments = 3;
constexpr std::int64_t kClasses = 4;
constexpr double kTime = 40;
constexpr double kStep = 2e-3;

/// A focus and a classifier without biases that start at 0.
struct Weights {
  Tensor focus = torch::zeros({1, kClasses}, torch::kDouble).requires_grad_();
  Tensor classifier = torch::zeros({1, kClasses, kClasses}, torch::kDouble).requires_grad_();
};

/// One input of every class: its unit vector, then zeros.  Shapes: [1, d, m, B]
Tensor make_segments() {
  auto segments = torch::zeros({1, kClasses, kSegments, kClasses}, torch::kDouble);
  segments[0].select(/*dim=*/1, 0).copy_(torch::eye(kClasses, torch::kDouble));
  return segments;
}

Weights descend(const Loss& loss) {
  Weights weights;
  const auto segments = make_segments();
  const auto labels = torch::arange(kClasses);
  const auto classify = [&](const Tensor& points) {
    return torch::matmul(weights.classifier, points);
  };
  const auto num_steps = std::llround(kTime / kStep);
  for (std::int64_t step = 0; step < num_steps; ++step) {
    const auto scores = (weights.focus.view({1, kClasses, 1, 1}) * segments).sum(1);  // [1, m, B]
    Pass pass(scores, segments, labels, kClasses, classify);
    const auto gradients =
        torch::autograd::grad({loss.value(pass).sum()}, {weights.focus, weights.classifier});
    const torch::NoGradGuard no_grad;
    weights.focus.sub_(kStep * gradients[0]);
    weights.classifier.sub_(kStep * gradients[1]);
  }
  return weights;
}

class FullMatrices : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Losses, FullMatrices, testing::Values("soft", "hard", "lvml"),
                         [](const auto& loss) { return loss.param; });

// The trainer's losses and autograd on whole matrices, against two coupled equations.
TEST_P(FullMatrices, MoveAsTheTwoGapsOfTheFlow) {
  const auto weights = descend(find_kind(losses(), GetParam()));

  const auto W = weights.classifier.detach()[0];
  const auto diagonal = W.diagonal().mean().item<double>();
  const auto others = (W.sum().item<double>() - kClasses * diagonal) / (kClasses * (kClasses - 1));
  const auto exact =
      integrate_flow(flow_loss_from(GetParam()), {.segments = kSegments, .classes = kClasses},
                     {&kTime, 1}, 1e-10)
          .front();
  EXPECT_NEAR(diagonal - others, exact.mu, 2e-5);
  EXPECT_NEAR(weights.focus.mean().item<double>(), exact.nu, 1e-4);
  EXPECT_NEAR(diagonal / others, -3, 1e-6);
}

}  // namespace
}  // namespace trainer
