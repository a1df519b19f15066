#include "trainer/optimizers.hpp"

#include <gtest/gtest.h>
#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>

namespace trainer {
namespace {

using nlohmann::json;
using torch::Tensor;

constexpr int kNumSteps = 7;
const std::vector<double> kRates = {0.1, 0.02};

/// Gradients that depend on the weights, so that a wrong step shows in the next one.
Tensor slope(const Tensor& theta) {
  return theta.sin() + 0.5 * theta;
}

Tensor start() {
  return torch::linspace(-2, 2, 10, torch::kDouble).view({2, 5});  // [T, P]
}

/// Row t after some steps of ours.
Tensor train_pack(const json& settings) {
  const auto theta = start();
  const auto rates = torch::tensor(kRates, torch::kDouble).unsqueeze(1);
  const auto optimizer = make_optimizer(settings, rates);
  for (int i = 0; i < kNumSteps; ++i)
    optimizer->step(theta, slope(theta));
  return theta;
}

/// The same row after as many steps of LibTorch's own optimiser.
template <class MakeOptimizer>
Tensor train_row(int t, const MakeOptimizer& make) {
  auto row = start()[t].clone().requires_grad_();
  auto optimizer = make(row, kRates[static_cast<std::size_t>(t)]);
  for (int i = 0; i < kNumSteps; ++i) {
    row.mutable_grad() = slope(row.detach());
    optimizer.step();
  }
  return row.detach();
}

template <class MakeOptimizer>
void expect_same(const json& settings, const MakeOptimizer& make) {
  const auto pack = train_pack(settings);
  for (const int t : {0, 1}) {
    const Tensor row = train_row(t, make);
    EXPECT_LT((pack[t] - row).abs().max().item<double>(), 1e-13);
  }
}

TEST(Sgd, StepsAsLibTorchDoesWithMomentumAndWeightDecay) {
  expect_same({{"name", "sgd"}, {"momentum", 0.9}, {"weight_decay", 0.03}}, [](const Tensor& row,
                                                                               double rate) {
    return torch::optim::SGD(std::vector{row},
                             torch::optim::SGDOptions(rate).momentum(0.9).weight_decay(0.03));
  });
}

TEST(Sgd, WithoutMomentumFollowsTheGradientAlone) {
  const auto theta = start();
  const auto optimizer = make_optimizer({{"name", "sgd"}, {"momentum", 0.0}, {"weight_decay", 0.0}},
                                        torch::full({2, 1}, 0.5, torch::kDouble));

  for (int i = 0; i < 3; ++i)
    optimizer->step(theta, torch::ones({2, 5}, torch::kDouble));

  EXPECT_TRUE(torch::allclose(theta, start() - 3 * 0.5));
}

TEST(Adam, StepsAsLibTorchDoes) {
  expect_same(
      {{"name", "adam"},
       {"beta1", 0.8},
       {"beta2", 0.95},
       {"epsilon", 1e-3},
       {"weight_decay", 0.03}},
      [](const Tensor& row, double rate) {
        return torch::optim::Adam(
            std::vector{row},
            torch::optim::AdamOptions(rate).betas({0.8, 0.95}).eps(1e-3).weight_decay(0.03));
      });
}

// Half precision, which is not taken to LibTorch's fused step: what a GPU does.
TEST(Adam, StepsLikewiseByOperators) {
  const json settings = {
      {"name", "adam"}, {"beta1", 0.8}, {"beta2", 0.95}, {"epsilon", 1e-3}, {"weight_decay", 0.03}};
  const auto theta = start().to(torch::kHalf);
  const auto optimizer = make_optimizer(settings, torch::tensor(kRates).unsqueeze(1));

  for (int i = 0; i < kNumSteps; ++i)
    optimizer->step(theta, slope(theta));

  EXPECT_LT((theta.to(torch::kDouble) - train_pack(settings)).abs().max().item<double>(), 0.02);
}

// Whatever the gradient, the first step is rate * g / (|g| + epsilon).
TEST(Adam, BeginsWithAStepOfTheRate) {
  const auto theta = start();
  const auto optimizer = make_optimizer(
      {{"name", "adam"}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 0.0}, {"weight_decay", 0.0}},
      torch::full({2, 1}, 0.25, torch::kDouble));

  optimizer->step(theta, torch::full({2, 5}, -1e-6, torch::kDouble));

  EXPECT_TRUE(torch::allclose(theta, start() + 0.25));
}

}  // namespace
}  // namespace trainer
