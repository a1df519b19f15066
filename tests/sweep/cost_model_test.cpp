#include "sweep/cost_model.hpp"

#include <gtest/gtest.h>

namespace sweep {
namespace {

TEST(CostModel, BeginsWithTheHintsAndTheFixedPart) {
  const CostModel costs({1, 20}, /*fixed_trials=*/0.5);

  EXPECT_DOUBLE_EQ(costs.predict(0).of(4), 4.5);
  EXPECT_DOUBLE_EQ(costs.predict(1).of(4), 90);
  EXPECT_FALSE(costs.is_measured(0));
}

TEST(CostModel, TakesOnePackForAllOfItsShape) {
  CostModel costs({1, 3}, /*fixed_trials=*/0);
  costs.learn(0, /*width=*/4, /*seconds=*/2);

  EXPECT_DOUBLE_EQ(costs.predict(0).of(4), 2);
  EXPECT_DOUBLE_EQ(costs.predict(0).of(1), 0.5);
  EXPECT_DOUBLE_EQ(costs.predict(1).of(1), 1.5) << "three times as much by its hint";
}

TEST(CostModel, KeepsTheFixedPartItWasGivenWhileWidthsHardlyDiffer) {
  CostModel costs({1}, /*fixed_trials=*/2);
  costs.learn(0, 8, 10);
  costs.learn(0, 7, 20);  // noise, or it would be faster with more trials

  // The mean, 15 s for 7.5 trials and 2 more: 15 / 9.5 s a trial.
  EXPECT_DOUBLE_EQ(costs.predict(0).per_trial_s, 15 / 9.5);
  EXPECT_DOUBLE_EQ(costs.predict(0).fixed_s, 30 / 9.5);
}

TEST(CostModel, FindsTheLineOfPacksOfSeveralWidths) {
  CostModel costs({1}, /*fixed_trials=*/0);
  for (const std::size_t width : {2U, 4U, 8U})
    costs.learn(0, width, 3 + 0.5 * static_cast<double>(width));

  EXPECT_NEAR(costs.predict(0).fixed_s, 3, 1e-12);
  EXPECT_NEAR(costs.predict(0).per_trial_s, 0.5, 1e-12);
}

TEST(CostModel, NeverPredictsThatMoreTrialsTakeLessOrThatNoneTakeLessThanNothing) {
  CostModel falling({1}, 0);
  falling.learn(0, 1, 4);
  falling.learn(0, 3, 2);
  EXPECT_DOUBLE_EQ(falling.predict(0).per_trial_s, 0);
  EXPECT_DOUBLE_EQ(falling.predict(0).fixed_s, 3) << "the mean";

  CostModel steep({1}, 0);
  steep.learn(0, 1, 1);
  steep.learn(0, 3, 9);
  EXPECT_DOUBLE_EQ(steep.predict(0).fixed_s, 0);
  EXPECT_DOUBLE_EQ(steep.predict(0).per_trial_s, 2.5) << "10 s for 4 trials";
}

TEST(CostModel, LendsTheShapeOfALineToOtherCombinations) {
  CostModel costs({1, 1, 10}, /*fixed_trials=*/0);
  costs.learn(0, 1, 4);
  costs.learn(0, 3, 6);  // 3 + width
  costs.learn(1, 3, 60);

  // The fixed part is three trials' worth: 60 s for 3 trials and 3 more.
  EXPECT_DOUBLE_EQ(costs.predict(1).per_trial_s, 10);
  EXPECT_DOUBLE_EQ(costs.predict(1).fixed_s, 30);
  // All packs so far: 70 s for hints of 1 times (1 + 3) + (3 + 3) + (3 + 3) trials' worth.
  EXPECT_DOUBLE_EQ(costs.predict(2).per_trial_s, 10 * 70 / 16.0);
  EXPECT_DOUBLE_EQ(costs.predict(2).fixed_s, 30 * 70 / 16.0);
}

TEST(CostModel, LearnsNothingFromWhatTookNoTime) {
  CostModel costs({1}, 0);
  costs.learn(0, 4, 0);
  costs.learn(0, 0, 4);

  EXPECT_FALSE(costs.is_measured(0));
  EXPECT_DOUBLE_EQ(costs.predict(0).of(2), 2);
}

}  // namespace
}  // namespace sweep
