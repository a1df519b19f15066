#include "sweep/outlook.hpp"

#include <gtest/gtest.h>

namespace sweep {
namespace {

/// Trials with ids 100..105: two combinations of three seeds.
PreparedSweep six_trials() {
  PreparedSweep sweep;
  sweep.grid.combinations.resize(2);
  sweep.grid.trials = GridTrials({{.length = 2}, {.length = 3, .seeds = {0, 1, 2}}}, {});
  sweep.ids = {100, 101, 102, 103, 104, 105};
  return sweep;
}

TEST(PacksToResume, HoldWhatIsLeftOfSavedPacks) {
  std::vector<std::size_t> todo = {1, 2, 4, 5};

  const auto packs = packs_to_resume(
      six_trials(), {{.key = 7, .trials = {100, 101}}, {.key = 8, .trials = {104, 105}}}, todo);

  ASSERT_EQ(packs.size(), 2U);
  EXPECT_EQ(packs[0].trials, std::vector<std::size_t>{1});
  EXPECT_EQ(packs[0].resume_from, 7U);
  EXPECT_EQ(packs[1].trials, (std::vector<std::size_t>{4, 5}));
  EXPECT_EQ(packs[1].combination, 1U);
  EXPECT_EQ(todo, std::vector<std::size_t>{2}) << "what has not begun is planned anew";
}

TEST(PacksToResume, TakeATrialFromTheSmallestPackItIsIn) {
  std::vector<std::size_t> todo = {0, 1, 2};

  const auto packs = packs_to_resume(
      six_trials(), {{.key = 7, .trials = {100, 101, 102}}, {.key = 8, .trials = {101}}}, todo);

  ASSERT_EQ(packs.size(), 2U);
  EXPECT_EQ(packs[0].trials, std::vector<std::size_t>{1});
  EXPECT_EQ(packs[0].resume_from, 8U);
  EXPECT_EQ(packs[1].trials, (std::vector<std::size_t>{0, 2}));
}

TEST(PacksToResume, AreNoneForTrialsThatHaveEndedOrLeftTheGrid) {
  std::vector<std::size_t> todo = {3};

  EXPECT_TRUE(packs_to_resume(six_trials(), {{.key = 7, .trials = {100, 999}}}, todo).empty());

  EXPECT_EQ(todo, std::vector<std::size_t>{3});
}

}  // namespace
}  // namespace sweep
