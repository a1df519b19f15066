#include "sweep/schedule.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

namespace sweep {
namespace {

std::vector<Pack> two_packs() {
  return {{.number = 0, .trials = {0, 1}}, {.number = 1, .trials = {2}}};
}

constexpr std::uint64_t kNoCheckpoint = 0;
using protocol::Cause;

/// A schedule of one pack of so many trials, lent to worker 0.
Schedule lent(std::size_t num_trials, const Retries& retries = default_retries()) {
  std::vector<std::size_t> trials(num_trials);
  std::iota(trials.begin(), trials.end(), 0);
  Schedule schedule({{.number = 7, .combination = 3, .trials = trials}}, retries);
  schedule.lend(0);
  return schedule;
}

/// All that waits, lent to workers from 100 on and left there.
std::vector<Lease> lend_all(Schedule& schedule) {
  std::vector<Lease> leases;
  for (int worker = 100; const auto* lease = schedule.lend(worker); ++worker)
    leases.push_back(*lease);
  return leases;
}

TEST(Schedule, LendsPacksInOrder) {
  Schedule schedule(two_packs(), default_retries());

  EXPECT_EQ(schedule.lend(0)->pack.number, 0);
  EXPECT_EQ(schedule.lend(1)->pack.number, 1);
  EXPECT_EQ(schedule.lend(2), nullptr);
}

TEST(Schedule, IsFinishedWhenAllLeasesHaveEnded) {
  auto schedule = lent(1);

  EXPECT_FALSE(schedule.is_finished());
  EXPECT_TRUE(schedule.finish_trial(0, 0));
  EXPECT_TRUE(schedule.end_lease(0, Cause::crash, kNoCheckpoint).empty());
  EXPECT_TRUE(schedule.is_finished());
}

TEST(Schedule, LendsTheTrialsOfALostTrainerAgainBeforeAllOthers) {
  Schedule schedule(two_packs(), default_retries());
  schedule.lend(0);
  schedule.finish_trial(0, 0);

  EXPECT_TRUE(schedule.end_lease(0, Cause::crash, kNoCheckpoint).empty());

  const auto* again = schedule.lend(1);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->attempt, 2);
  EXPECT_EQ(again->pack.trials, (std::vector<std::size_t>{1}));
}

TEST(Schedule, TriesTheTrialsOfALostPackApart) {
  auto schedule = lent(2);
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);

  const auto apart = lend_all(schedule);

  ASSERT_EQ(apart.size(), 2U);
  EXPECT_EQ(apart[0].pack.trials, (std::vector<std::size_t>{0}));
  EXPECT_EQ(apart[1].pack.trials, (std::vector<std::size_t>{1}));
  EXPECT_EQ(apart[1].pack.combination, 3U);
  EXPECT_NE(apart[0].pack.number, apart[1].pack.number);
  EXPECT_NE(apart[0].pack.number, 7) << "a late message of the lost pack must not be taken for it";
}

// 1000 trials -> 8 x 125 -> 8 x 16 -> 8 x 2 -> 2 x 1: the bad one is found in the fifth attempt.
TEST(Schedule, FindsTheOneBadTrialOfAWidePackAndKeepsAllOthers) {
  constexpr std::size_t kBad = 617;
  auto schedule = lent(1000);
  std::vector<std::size_t> given_up = schedule.end_lease(0, Cause::crash, kNoCheckpoint);
  std::size_t num_finished = 0;
  int last_attempt = 0;
  while (const auto* lease = schedule.lend(0)) {
    const auto trials = lease->pack.trials;
    last_attempt = std::max(last_attempt, lease->attempt);
    if (std::ranges::find(trials, kBad) == trials.end()) {
      for (const auto trial : trials)
        num_finished += schedule.finish_trial(0, trial) ? 1U : 0U;
    }
    const auto more = schedule.end_lease(0, Cause::crash, kNoCheckpoint);
    given_up.insert(given_up.end(), more.begin(), more.end());
  }

  EXPECT_EQ(given_up, std::vector<std::size_t>{kBad});
  EXPECT_EQ(num_finished, 999U);
  EXPECT_EQ(last_attempt, 6) << "alone twice: crashes are tried again once";
}

TEST(Schedule, TriesATrialAgainAsOftenAsItsCauseAllows) {
  auto schedule = lent(1, {{Cause::crash, 2}, {Cause::hang, 0}});

  for (int attempt = 2; attempt <= 3; ++attempt) {
    EXPECT_TRUE(schedule.end_lease(0, Cause::crash, kNoCheckpoint).empty());
    EXPECT_EQ(schedule.lend(0)->attempt, attempt);
  }
  EXPECT_EQ(schedule.end_lease(0, Cause::crash, kNoCheckpoint), std::vector<std::size_t>{0});

  auto hanging = lent(1, {{Cause::crash, 2}, {Cause::hang, 0}});
  EXPECT_EQ(hanging.end_lease(0, Cause::hang, kNoCheckpoint), std::vector<std::size_t>{0});
}

TEST(Schedule, GivesATrialUpWhoseTrainerThrewUnlessToldOtherwise) {
  auto schedule = lent(3);
  EXPECT_TRUE(schedule.fail_trial(0, 1, Cause::exception));
  EXPECT_EQ(schedule.lease_of(0)->pack.trials, (std::vector<std::size_t>{0, 2}));

  auto patient = lent(3, {{Cause::exception, 1}});
  EXPECT_FALSE(patient.fail_trial(0, 1, Cause::exception));
  const auto* again = patient.lend(1);
  EXPECT_EQ(again->pack.trials, std::vector<std::size_t>{1});
  EXPECT_EQ(again->attempt, 2);
  EXPECT_TRUE(patient.fail_trial(1, 1, Cause::exception));
}

TEST(Schedule, HalvesPacksThatNeedTooMuchMemoryAndThoseLikeThem) {
  Schedule schedule({{.number = 0, .combination = 0, .trials = {0, 1, 2, 3}},
                     {.number = 1, .combination = 1, .trials = {4, 5, 6, 7}},
                     {.number = 2, .combination = 0, .trials = {8, 9, 10}}},
                    default_retries());
  schedule.lend(0);
  schedule.end_lease(0, Cause::out_of_memory, kNoCheckpoint);

  std::vector<std::vector<std::size_t>> trials;
  std::set<std::int64_t> numbers;
  for (const auto& lease : lend_all(schedule)) {
    trials.push_back(lease.pack.trials);
    numbers.insert(lease.pack.number);
  }

  EXPECT_EQ(trials,
            (std::vector<std::vector<std::size_t>>{{0, 1}, {2, 3}, {4, 5, 6, 7}, {8, 9}, {10}}));
  EXPECT_EQ(numbers.size(), trials.size());
}

TEST(Schedule, LetsTheTrialsOfALostPackGoOnFromItsCheckpoint) {
  auto schedule = lent(2);
  schedule.end_lease(0, Cause::crash, /*checkpoint=*/42);

  EXPECT_TRUE(schedule.is_awaited(42));
  EXPECT_EQ(schedule.lend(0)->pack.resume_from, 42U);
  EXPECT_TRUE(schedule.is_awaited(42));
  EXPECT_EQ(schedule.lend(1)->pack.resume_from, 42U);
  EXPECT_FALSE(schedule.is_awaited(42));
}

TEST(Schedule, GivesUpOnlyTheTrialThatFailsAgain) {
  auto schedule = lent(2);
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);
  schedule.lend(0);
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);
  schedule.lend(0);

  EXPECT_EQ(schedule.end_lease(0, Cause::crash, kNoCheckpoint), (std::vector<std::size_t>{0}));
  EXPECT_FALSE(schedule.is_finished()) << "the other trial has not been alone yet";
}

TEST(Schedule, RefusesAResultOfATrialThatIsNotLent) {
  Schedule schedule(two_packs(), default_retries());
  schedule.lend(0);

  EXPECT_FALSE(schedule.finish_trial(0, 2));
  EXPECT_FALSE(schedule.finish_trial(1, 0));
  EXPECT_TRUE(schedule.finish_trial(0, 0));
  EXPECT_FALSE(schedule.finish_trial(0, 0)) << "a second result";
}

TEST(Schedule, LendsAheadToAWorkerThatTrainsThePacksInTheirOrder) {
  Schedule schedule(two_packs(), default_retries());
  schedule.lend(0);

  EXPECT_EQ(schedule.lend(0)->pack.number, 1);
  EXPECT_EQ(schedule.num_lent_to(0), 2U);
  EXPECT_EQ(schedule.num_training(), 1U) << "workers";
  EXPECT_EQ(schedule.lease_of(0)->pack.number, 0);
  EXPECT_FALSE(schedule.finish_trial(0, 2)) << "of a pack that has not begun";

  schedule.finish_trial(0, 0);
  schedule.finish_trial(0, 1);
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);

  EXPECT_EQ(schedule.lease_of(0)->pack.number, 1);
  EXPECT_FALSE(schedule.is_finished());
}

TEST(Schedule, LeavesAPackAheadAloneWhenTheTrainerIsLost) {
  Schedule schedule(two_packs(), default_retries());
  schedule.lend(0);
  schedule.lend(0);

  schedule.end_lease(0, Cause::crash, kNoCheckpoint);

  ASSERT_NE(schedule.lease_of(0), nullptr);
  EXPECT_EQ(schedule.lease_of(0)->pack.number, 1);
  EXPECT_EQ(schedule.lease_of(0)->attempt, 1);
  EXPECT_TRUE(schedule.lease_of(0)->failures.empty());
}

TEST(Schedule, TakesAPackBackAsTheSameAttemptInFrontOfAllOthers) {
  Schedule schedule(
      {{.number = 0, .trials = {0}}, {.number = 1, .trials = {1, 2}}, {.number = 2, .trials = {3}}},
      default_retries());
  schedule.lend(0);
  schedule.lend(0);

  EXPECT_TRUE(schedule.give_back(0, 1, /*checkpoint=*/42));

  EXPECT_EQ(schedule.num_lent_to(0), 1U);
  const auto* again = schedule.lend(1);
  EXPECT_EQ(again->pack.trials, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(again->pack.resume_from, 42U);
  EXPECT_EQ(again->attempt, 1);
  EXPECT_TRUE(again->failures.empty());
  EXPECT_NE(again->pack.number, 1) << "a late message must not be taken for its own";
}

TEST(Schedule, TakesNoPackBackThatTheWorkerDoesNotHold) {
  Schedule schedule(two_packs(), default_retries());
  schedule.lend(0);

  EXPECT_FALSE(schedule.give_back(0, 1, kNoCheckpoint)) << "it waits";
  EXPECT_FALSE(schedule.give_back(1, 0, kNoCheckpoint)) << "another has it";
  EXPECT_EQ(schedule.num_waiting(), 1U);
}

TEST(Schedule, HalvesAPackThatIsGivenBackAfterOneLikeItNeededTooMuchMemory) {
  Schedule schedule({{.number = 0, .trials = {0, 1, 2, 3}}, {.number = 1, .trials = {4, 5, 6, 7}}},
                    default_retries());
  schedule.lend(0);
  schedule.lend(1);
  schedule.end_lease(0, Cause::out_of_memory, kNoCheckpoint);

  schedule.give_back(1, 1, kNoCheckpoint);

  std::vector<std::vector<std::size_t>> trials;
  for (const auto& lease : lend_all(schedule))
    trials.push_back(lease.pack.trials);
  EXPECT_EQ(trials, (std::vector<std::vector<std::size_t>>{{4, 5}, {6, 7}, {0, 1}, {2, 3}}));
}

}  // namespace
}  // namespace sweep
