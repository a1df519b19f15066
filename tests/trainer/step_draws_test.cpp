#include "trainer/step_draws.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

using torch::Tensor;

TEST(MixBits, GivesTheNumbersOfSplitMix64) {
  constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15;
  const auto states = torch::tensor({static_cast<std::int64_t>(1234567 + kGamma),
                                     static_cast<std::int64_t>(1234567 + 2 * kGamma)},
                                    torch::kLong);

  const auto mixed = mix_bits(states);

  // the first two outputs of SplitMix64 from the state 1234567, by whole numbers in Python
  EXPECT_EQ(static_cast<std::uint64_t>(mixed[0].item<std::int64_t>()), 6457827717110365317U);
  EXPECT_EQ(static_cast<std::uint64_t>(mixed[1].item<std::int64_t>()), 3203168211198807973U);
}

/// Numbers of each trial, for a step of training.  Shapes: -> [T, count]
Tensor draw(const std::vector<std::int64_t>& seeds, std::int64_t epoch, std::int64_t batch,
            std::int64_t count) {
  const Moment moment = {.seeds = torch::tensor(seeds, torch::kLong),
                         .step = torch::tensor(step_number(epoch, batch))};
  return draw_uniform(moment, Purpose::segments, count, torch::kDouble);
}

TEST(DrawUniform, DependsOnSeedAndStepAlone) {
  const std::vector<std::int64_t> pack = {5, 6, 5};

  const auto drawn = draw(pack, 2, 3, 100);

  EXPECT_TRUE(drawn[1].equal(draw({6}, 2, 3, 100)[0]));
  EXPECT_TRUE(drawn[0].equal(drawn[2]));
  EXPECT_FALSE(drawn[0].equal(drawn[1]));
  EXPECT_FALSE(drawn.equal(draw(pack, 2, 4, 100)));
  EXPECT_FALSE(drawn.equal(draw(pack, 3, 3, 100)));
}

// Of 100,000 numbers each tenth of [0, 1) gets 10,000, give or take 5 standard deviations of 95;
// neighbours of any kind are uncorrelated, give or take 5 / sqrt(100,000).
TEST(DrawUniform, IsUniformAndIndependent) {
  const auto drawn = draw({0, 1}, 1, 0, 100000);
  const auto correlation = [](const Tensor& a, const Tensor& b) {
    return 12 * ((a - 0.5) * (b - 0.5)).mean().item<double>();
  };

  const auto counts = torch::histc(drawn[0], 10, 0, 1);

  EXPECT_LT((counts - 10000).abs().max().item<double>(), 5 * 95);
  EXPECT_GE(drawn.min().item<double>(), 0);
  EXPECT_LT(drawn.max().item<double>(), 1);
  EXPECT_NEAR(correlation(drawn[0], drawn[1]), 0, 0.016);
  EXPECT_NEAR(correlation(drawn[0], draw({0, 1}, 1, 1, 100000)[0]), 0, 0.016);
  EXPECT_NEAR(correlation(drawn[0].slice(0, 1), drawn[0].slice(0, 0, -1)), 0, 0.016);
}

TEST(DrawUniform, KnowsNothingOfWhatIsDrawnForAnotherPurposeOrToMeasure) {
  const auto step = torch::tensor(step_number(1, 0));
  const Moment training = {.seeds = torch::arange(1), .step = step};
  const Moment measuring = {.seeds = torch::arange(1), .step = step, .is_training = false};
  const auto draw_for = [](const Moment& moment, Purpose purpose) {
    return draw_uniform(moment, purpose, 100000, torch::kDouble)[0] - 0.5;
  };
  const auto segments = draw_for(training, Purpose::segments);
  const auto dropout = draw_for(training, Purpose::dropout);

  // give or take 5 / sqrt(100,000)
  EXPECT_NEAR(12 * (segments * dropout).mean().item<double>(), 0, 0.016);
  EXPECT_NEAR(12 * (dropout * draw_for(measuring, Purpose::dropout)).mean().item<double>(), 0,
              0.016);
}

}  // namespace
}  // namespace trainer
