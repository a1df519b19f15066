#include "sweep/plan.hpp"

#include <numeric>
#include <set>

#include <gtest/gtest.h>

namespace sweep {
namespace {

PackGroup group_of(std::size_t combination, std::size_t first, std::size_t count, int max_width) {
  PackGroup group{.combination = combination,
                  .trials = std::vector<std::size_t>(count),
                  .max_width = max_width};
  std::iota(group.trials.begin(), group.trials.end(), first);
  return group;
}

std::vector<std::size_t> widths(const std::vector<Pack>& packs) {
  std::vector<std::size_t> widths;
  for (const auto& pack : packs)
    widths.push_back(pack.trials.size());
  return widths;
}

TEST(CutIntoPacks, CutsAGroupEvenly) {
  // 15 trials, at most 8 in a pack: 2 packs, one trial apart.
  EXPECT_EQ(widths(cut_into_packs({group_of(0, 0, 15, 8)}, 1)), (std::vector<std::size_t>{8, 7}));
}

TEST(CutIntoPacks, KeepsEveryTrialOnceAndGroupsApart) {
  const auto packs = cut_into_packs({group_of(0, 0, 15, 4), group_of(1, 15, 7, 8)}, 3);

  std::multiset<std::size_t> trials;
  for (const auto& pack : packs) {
    trials.insert(pack.trials.begin(), pack.trials.end());
    for (const auto trial : pack.trials)
      EXPECT_EQ(pack.combination, trial < 15 ? 0U : 1U);
    EXPECT_LE(pack.trials.size(), pack.combination == 0 ? 4U : 8U);
  }
  EXPECT_EQ(trials.size(), 22U);
  EXPECT_EQ(std::set<std::size_t>(trials.begin(), trials.end()).size(), 22U);
}

TEST(CutIntoPacks, LeavesNoRankWithoutAPack) {
  EXPECT_GE(cut_into_packs({group_of(0, 0, 8, 8)}, 4).size(), 4U);
}

TEST(CutIntoPacks, MakesNoMorePacksThanTrials) {
  EXPECT_EQ(cut_into_packs({group_of(0, 0, 3, 8)}, 16).size(), 3U);
}

TEST(CutIntoPacks, KeepsPacksWholeForOneRank) {
  EXPECT_EQ(widths(cut_into_packs({group_of(0, 0, 8, 8)}, 1)), (std::vector<std::size_t>{8}));
}

TEST(CutIntoPacks, EvensOutTheEndOfASweep) {
  // Three packs of 4 on two ranks would take as long as 8 trials; cut once more, 7 at most.
  const auto packs =
      cut_into_packs({group_of(0, 0, 4, 4), group_of(1, 4, 4, 4), group_of(2, 8, 4, 4)}, 2);

  EXPECT_GT(packs.size(), 3U);
}

TEST(CutIntoPacks, PutsWidePacksFirstAndNumbersInOrder) {
  const auto packs = cut_into_packs({group_of(0, 0, 2, 8), group_of(1, 2, 6, 8)}, 1);

  ASSERT_EQ(packs.size(), 2U);
  EXPECT_EQ(packs[0].combination, 1U);
  EXPECT_EQ(packs[0].number, 0);
  EXPECT_EQ(packs[1].number, 1);
}

TEST(CutIntoPacks, GivesNothingForNothing) {
  EXPECT_TRUE(cut_into_packs({}, 4).empty());
}

}  // namespace
}  // namespace sweep
