#include "sweep/schedule.hpp"

#include <gtest/gtest.h>

namespace sweep {
namespace {

std::vector<Pack> two_packs() {
  return {{.number = 0, .trials = {0, 1}}, {.number = 1, .trials = {2}}};
}

TEST(Schedule, LendsPacksInOrder) {
  Schedule schedule(two_packs(), {});

  EXPECT_EQ(schedule.lend(0)->pack.number, 0);
  EXPECT_EQ(schedule.lend(1)->pack.number, 1);
  EXPECT_EQ(schedule.lend(2), nullptr);
}

TEST(Schedule, IsFinishedWhenAllLeasesHaveEnded) {
  Schedule schedule({{.number = 0, .trials = {5}}}, {});
  schedule.lend(3);

  EXPECT_FALSE(schedule.is_finished());
  EXPECT_TRUE(schedule.finish_trial(3, 5));
  EXPECT_TRUE(schedule.end_lease(3).empty());
  EXPECT_TRUE(schedule.is_finished());
}

TEST(Schedule, LendsTheTrialsOfALostTrainerAgainBeforeAllOthers) {
  Schedule schedule(two_packs(), {.max_attempts = 2});
  schedule.lend(0);
  schedule.finish_trial(0, 0);

  EXPECT_TRUE(schedule.end_lease(0).empty());

  const auto* again = schedule.lend(1);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->attempt, 2);
  EXPECT_EQ(again->pack.trials, (std::vector<std::size_t>{1}));
}

TEST(Schedule, TriesTheTrialsOfALostPackApart) {
  Schedule schedule({{.number = 7, .combination = 3, .trials = {4, 5}}}, {.max_attempts = 2});
  schedule.lend(0);
  schedule.end_lease(0);

  const auto* first = schedule.lend(0);
  const auto* second = schedule.lend(1);

  EXPECT_EQ(first->pack.trials, (std::vector<std::size_t>{4}));
  EXPECT_EQ(second->pack.trials, (std::vector<std::size_t>{5}));
  EXPECT_EQ(second->pack.combination, 3U);
  EXPECT_NE(first->pack.number, second->pack.number);
  EXPECT_NE(first->pack.number, 7) << "a late message of the lost pack must not be taken for it";
}

TEST(Schedule, GivesATrialUpAfterItsLastAttempt) {
  Schedule schedule({{.number = 0, .trials = {0, 1}}}, {.max_attempts = 2});
  schedule.lend(0);
  schedule.end_lease(0);
  schedule.lend(0);

  EXPECT_EQ(schedule.end_lease(0), (std::vector<std::size_t>{0}));
  EXPECT_FALSE(schedule.is_finished()) << "the other trial has its own second attempt";
}

TEST(Schedule, RefusesAResultOfATrialThatIsNotLent) {
  Schedule schedule(two_packs(), {});
  schedule.lend(0);

  EXPECT_FALSE(schedule.finish_trial(0, 2));
  EXPECT_FALSE(schedule.finish_trial(1, 0));
  EXPECT_TRUE(schedule.finish_trial(0, 0));
  EXPECT_FALSE(schedule.finish_trial(0, 0)) << "a second result";
}

}  // namespace
}  // namespace sweep
