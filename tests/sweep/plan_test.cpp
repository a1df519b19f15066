#include "sweep/plan.hpp"

#include <numeric>
#include <stdexcept>

#include <gtest/gtest.h>

namespace sweep {
namespace {

PackGroup group_of(std::size_t num_trials, std::size_t max_width) {
  PackGroup group{.trials = std::vector<std::size_t>(num_trials), .max_width = max_width};
  std::iota(group.trials.begin(), group.trials.end(), 0);
  return group;
}

TEST(CountPacks, NeedsAsFewAsHoldAllTrials) {
  EXPECT_EQ(count_packs(16, 8), 2U);
  EXPECT_EQ(count_packs(17, 8), 3U);
  EXPECT_EQ(count_packs(0, 8), 0U);
  EXPECT_EQ(count_packs({.saved = {{}, {}}, .groups = {group_of(17, 8), group_of(2, 1)}}), 7U);
}

TEST(CountPacks, MakesThemEquallyWideButForOneTrial) {
  EXPECT_EQ(width_of_widest(15, 8), 8U) << "and 7";
  EXPECT_EQ(width_of_widest(9, 8), 5U) << "and 4, not 8 and 1";
  EXPECT_EQ(width_of_widest(0, 8), 0U);
}

TEST(NarrowForRanks, LeavesNoRankWithoutAPack) {
  EXPECT_EQ(narrow_for_ranks({group_of(8, 8)}, 4)[0].max_width, 2U);
  EXPECT_EQ(narrow_for_ranks({group_of(3, 8)}, 16)[0].max_width, 1U) << "no more than trials";
}

TEST(NarrowForRanks, NarrowsTheWidestGroupsOnly) {
  const auto groups = narrow_for_ranks({group_of(8, 8), group_of(2, 2)}, 3);

  // 8 / 7 + 2 / 2: three packs, and none wider than 7.
  EXPECT_EQ(groups[0].max_width, 7U);
  EXPECT_EQ(groups[1].max_width, 2U);
}

TEST(NarrowForRanks, KeepsPacksWholeWhereThereAreEnough) {
  EXPECT_EQ(narrow_for_ranks({group_of(8, 8)}, 1)[0].max_width, 8U);
  EXPECT_TRUE(narrow_for_ranks({}, 4).empty());
}

TEST(NarrowForRanks, RefusesNoRanks) {
  EXPECT_THROW(narrow_for_ranks({}, 0), std::invalid_argument);
}

}  // namespace
}  // namespace sweep
