#include "trainer/losses/reinforce.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/trainer/loss_inputs.hpp"
#include "trainer/losses/hard.hpp"

namespace trainer {
namespace {

using torch::Tensor;

/// Steps of trials whose loss remembers nothing yet.
struct Steps {
  explicit Steps(const std::vector<std::int64_t>& of_trials)
      : seeds(torch::tensor(of_trials, torch::kLong)),
        memory(torch::zeros({std::ssize(of_trials)}, torch::kDouble)) {}
  Step at(std::int64_t epoch, std::int64_t batch) {
    return {.moment = {.seeds = seeds, .step = torch::tensor(step_number(epoch, batch))},
            .memory = memory};
  }

  Tensor seeds;
  Tensor memory;
};

TEST(DrawSegments, TakesTheSegmentInWhoseShareTheNumberFalls) {
  const auto attention =
      torch::tensor({0.25, 0.25, 0.5}, torch::kDouble).view({1, 3, 1}).expand({1, 3, 6});
  const auto uniform =
      torch::tensor({0.0, 0.24, 0.25, 0.49, 0.5, 0.99}, torch::kDouble).view({1, 6});

  EXPECT_TRUE(
      draw_segments(attention, uniform)[0].equal(torch::tensor({0, 0, 1, 1, 2, 2}, torch::kLong)));
}

// The bounds of the two that are there are 0.5 and 0.9999; rounding could leave them there.
TEST(DrawSegments, NeverTakesOneThatIsAbsent) {
  const auto attention = torch::tensor({0.5, 0.4999, 0.0}, torch::kDouble).view({1, 3, 1});
  const auto uniform = torch::tensor({0.99995}, torch::kDouble).view({1, 1});
  const auto absent = torch::tensor({0, 0, 1}, torch::kLong).to(torch::kBool).view({3, 1});

  EXPECT_EQ(draw_segments(attention, uniform).item<std::int64_t>(), 2);
  EXPECT_EQ(draw_segments(attention, uniform, absent).item<std::int64_t>(), 1);
}

Loss reinforce_with(const std::string& baseline) {
  return make_loss({{"name", "reinforce"}, {"baseline", baseline}, {"decay", 0.9}});
}

class EveryBaseline : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Reinforce, EveryBaseline,
                         testing::Values("none", "moving_average", "exact"),
                         [](const auto& baseline) { return baseline.param; });

// Two inputs of three segments can be drawn in nine ways. Weighted by their probabilities, the
// gradients add up to that of the hard loss, whatever is subtracted.
TEST(ReinforceLoss, HasTheHardGradientOnAverageOverAllDraws) {
  at::manual_seed(3);
  const auto scores = torch::randn({1, 3, 2}, torch::kDouble).requires_grad_();
  const auto segments = torch::randn({1, 4, 3, 2}, torch::kDouble);
  const auto weight = torch::randn({1, 5, 4}, torch::kDouble).requires_grad_();
  const auto pass_of_inputs = [&] {
    return make_pass(scores, segments, torch::tensor({4, 1}, torch::kLong),
                     [&](const Tensor& points) { return torch::bmm(weight, points); });
  };
  const auto a = torch::softmax(scores.detach(), 1)[0];
  auto hard = pass_of_inputs();
  const auto expected = torch::autograd::grad({hard_loss(hard).sum()}, {scores, weight});
  for (const auto& baseline :
       {torch::zeros({1, 1}, torch::kDouble), torch::full({1, 1}, -1.7, torch::kDouble),
        torch::tensor({0.3, -2.0}, torch::kDouble).view({1, 2})}) {
    std::vector<Tensor> mean = {torch::zeros_like(scores), torch::zeros_like(weight)};
    for (std::int64_t draw = 0; draw < 9; ++draw) {
      const auto drawn = torch::tensor({draw % 3, draw / 3}, torch::kLong).view({1, 2});
      const auto probability = a[draw % 3][0] * a[draw / 3][1];
      auto pass = pass_of_inputs();
      const auto rewards = pass.label_log_probabilities_of(drawn);
      const auto objective = reinforce_objective(pass, drawn, rewards, baseline);
      const auto gradients = torch::autograd::grad({objective.sum()}, {scores, weight});
      for (std::size_t i = 0; i < mean.size(); ++i)
        mean[i] = mean[i] + probability * gradients[i];
    }
    EXPECT_LT(relative_difference(mean[0], expected[0]), 1e-12);
    EXPECT_LT(relative_difference(mean[1], expected[1]), 1e-12);
  }
}

// A toy of six segments with known scores and probabilities of the label. Its gradient, and four
// standard errors of the mean of 200,000 draws, were worked out apart from this program.
TEST_P(EveryBaseline, HasTheHardGradientOnAverageOverManyDraws) {
  constexpr std::int64_t kInputs = 10000;
  const auto theta = torch::tensor({0.0, 0.5, -0.5, 1.0, -1.0, 0.25}, torch::kDouble);
  const auto p = torch::tensor({0.90, 0.10, 0.20, 0.30, 0.05, 0.60}, torch::kDouble);
  const auto expected = -torch::tensor(
      {0.156588, -0.216900, -0.024660, 0.034021, -0.081837, 0.132787}, torch::kDouble);
  const auto tolerance =
      torch::tensor({0.00321, 0.00755, 0.00387, 0.00597, 0.00559, 0.00250}, torch::kDouble);
  const auto segments =
      torch::stack({p, 1 - p}).log().view({1, 2, 6, 1}).expand({1, 2, 6, kInputs});
  const auto loss = reinforce_with(GetParam());
  Steps steps({12});

  auto mean = torch::zeros({6}, torch::kDouble);
  for (std::int64_t batch = 0; batch < 20; ++batch) {
    const auto leaf = theta.clone().requires_grad_();
    auto pass = make_pass(leaf.view({1, 6, 1}).expand({1, 6, kInputs}), segments,
                          torch::zeros({kInputs}, torch::kLong));
    mean += gradient(objective_of(loss, pass, steps.at(1, batch)), leaf) / 20;
  }

  EXPECT_TRUE(((mean - expected).abs() < tolerance).all().item<bool>())
      << "differs by " << (mean - expected).abs();
}

TEST_P(EveryBaseline, DescendsTheHardGradientWhereOnlyOneSegmentIsAttended) {
  RandomInputs inputs;
  auto scores = torch::zeros({3, 5, 4}, torch::kDouble);
  scores.select(/*dim=*/1, 2).fill_(1e6);
  auto pass = inputs.pass_of(scores, inputs.weight);
  auto hard = inputs.pass_of(scores, inputs.weight);
  Steps steps({0, 1, 2});

  const auto objective = objective_of(reinforce_with(GetParam()), pass, steps.at(1, 0));

  EXPECT_LT(relative_difference(gradient(objective, inputs.weight),
                                gradient(hard_loss(hard), inputs.weight)),
            1e-12);
}

// All segments alike: the reward is log(1/7) whatever is drawn.
TEST(ReinforceLoss, MovesItsAverageTowardsTheRewards) {
  const RandomInputs inputs;
  const auto loss = reinforce_with("moving_average");
  Steps steps({0, 1, 2});
  for (std::int64_t batch = 0; batch < 2; ++batch) {
    auto pass = inputs.pass_of(inputs.scores, torch::zeros_like(inputs.weight).requires_grad_());
    objective_of(loss, pass, steps.at(1, batch));
  }

  const auto expected = (1 - 0.9 * 0.9) * std::log(1.0 / 7);
  EXPECT_LT(max_difference(steps.memory, torch::full({3}, expected, torch::kDouble)), 1e-12);
}

TEST(ReinforceLoss, RefusesShapesThatDoNotMatch) {
  const RandomInputs inputs;
  auto pass = inputs.pass();
  const auto rewards = torch::zeros({3, 4}, torch::kDouble);
  const auto none = torch::zeros({1, 1}, torch::kDouble);

  EXPECT_THROW(reinforce_objective(pass, torch::zeros({3, 5}, torch::kLong), rewards, none),
               c10::Error);
  EXPECT_THROW(reinforce_objective(pass, torch::zeros({1, 4}, torch::kLong),
                                   torch::zeros({1, 4}, torch::kDouble), none),
               c10::Error);
  EXPECT_THROW(reinforce_objective(pass, torch::zeros({3, 4}, torch::kLong), rewards,
                                   torch::zeros({3}, torch::kDouble)),
               c10::Error);
}

}  // namespace
}  // namespace trainer
