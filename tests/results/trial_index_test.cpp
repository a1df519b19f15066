#include "results/trial_index.hpp"

#include <gtest/gtest.h>

namespace results {
namespace {

TEST(TrialIndex, NumbersTrialsInTheOrderOfTheirArrival) {
  TrialIndex index;

  EXPECT_EQ(index.add(70), 0U);
  EXPECT_EQ(index.add(0), 1U);
  EXPECT_EQ(index.add(70), 0U) << "it is known";
  EXPECT_EQ(index.add(~TrialId{0}), 2U);

  EXPECT_EQ(index.size(), 3U);
  EXPECT_EQ(index[0], 70U);
  EXPECT_EQ(index[2], ~TrialId{0});
}

TEST(TrialIndex, FindsNothingThatWasNotAdded) {
  TrialIndex index;
  EXPECT_EQ(index.find(1), std::nullopt);

  index.add(1);

  EXPECT_EQ(index.find(1), 0U);
  EXPECT_EQ(index.find(2), std::nullopt);
  EXPECT_EQ(index.find(0), std::nullopt);
}

/// Whether an index finds the first `count` multiples of a step, and nothing between them.
void expect_to_find_multiples(TrialId step, std::size_t count) {
  TrialIndex index;
  for (std::size_t row = 0; row < count; ++row)
    ASSERT_EQ(index.add(row * step), row);
  for (std::size_t row = 0; row < count; ++row) {
    ASSERT_EQ(index.find(row * step), row);
    ASSERT_EQ(index.find(row * step + 1), std::nullopt);
  }
}

TEST(TrialIndex, KeepsItsTrialsWhileItGrows) {
  expect_to_find_multiples(0x9E3779B97F4A7C15, 5'000);
}

TEST(TrialIndex, TakesIdsThatDifferInAFewBitsOnly) {
  expect_to_find_multiples(2, 5'000);
  expect_to_find_multiples(TrialId{1} << 40, 5'000);
}

TEST(TrialIndex, KeepsItsTrialsWhenRoomIsMade) {
  TrialIndex index;
  index.add(5);
  index.add(6);

  index.reserve(1'000);

  EXPECT_EQ(index.find(5), 0U);
  EXPECT_EQ(index.find(6), 1U);
  EXPECT_EQ(index.add(7), 2U);
}

}  // namespace
}  // namespace results
