#include "sweep/schedule.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

namespace sweep {
namespace {

constexpr std::uint64_t kNoCheckpoint = 0;
constexpr double kNow = 0;
using protocol::Cause;

/// Of groups that cost the same, in combinations 0 to 3. One worker never has a pack cut.
Schedule schedule_of(std::vector<PackGroup> groups, const Retries& retries = default_retries()) {
  const CostModel costs({1, 1, 1, 1}, kFixedTrialsOnCpu);
  return {WaitingPacks({.groups = std::move(groups)}, costs, /*num_workers=*/1), retries};
}

/// Trials 0 and 1, then trial 2.
Schedule two_packs() {
  return schedule_of(
      {{.combination = 0, .trials = {0, 1}, .max_width = 2}, {.combination = 1, .trials = {2}}});
}

/// A schedule of one pack of so many trials, lent to worker 0.
Schedule lent(std::size_t num_trials, const Retries& retries = default_retries()) {
  std::vector<std::size_t> trials(num_trials);
  std::iota(trials.begin(), trials.end(), 0);
  auto schedule =
      schedule_of({{.combination = 3, .trials = trials, .max_width = num_trials}}, retries);
  schedule.lend(0, kNow);
  return schedule;
}

/// All that waits, lent to workers from 100 on and left there.
std::vector<Lease> lend_all(Schedule& schedule) {
  std::vector<Lease> leases;
  for (int worker = 100; const auto* lease = schedule.lend(worker, kNow); ++worker)
    leases.push_back(*lease);
  return leases;
}

TEST(Schedule, LendsPacksInOrder) {
  auto schedule = two_packs();

  EXPECT_EQ(schedule.lend(0, kNow)->pack.number, 0);
  EXPECT_EQ(schedule.lend(1, kNow)->pack.number, 1);
  EXPECT_EQ(schedule.lend(2, kNow), nullptr);
}

TEST(Schedule, IsFinishedWhenAllLeasesHaveEnded) {
  auto schedule = lent(1);

  EXPECT_FALSE(schedule.is_finished());
  EXPECT_TRUE(schedule.finish_trial(0, 0));
  EXPECT_TRUE(schedule.end_lease(0, Cause::crash, kNoCheckpoint).empty());
  EXPECT_TRUE(schedule.is_finished());
}

TEST(Schedule, LendsTheTrialsOfALostTrainerAgainBeforeAllOthers) {
  auto schedule = two_packs();
  schedule.lend(0, kNow);
  schedule.finish_trial(0, 0);

  EXPECT_TRUE(schedule.end_lease(0, Cause::crash, kNoCheckpoint).empty());

  const auto* again = schedule.lend(1, kNow);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->attempt, 2);
  EXPECT_EQ(again->pack.trials, (std::vector<std::size_t>{1}));
}

TEST(Schedule, TriesTheTrialsOfALostPackApart) {
  auto schedule = lent(2);
  const auto lost = schedule.lease_of(0)->pack.number;
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);

  const auto apart = lend_all(schedule);

  ASSERT_EQ(apart.size(), 2U);
  EXPECT_EQ(apart[0].pack.trials, (std::vector<std::size_t>{0}));
  EXPECT_EQ(apart[1].pack.trials, (std::vector<std::size_t>{1}));
  EXPECT_EQ(apart[1].pack.combination, 3U);
  EXPECT_NE(apart[0].pack.number, apart[1].pack.number);
  EXPECT_NE(apart[0].pack.number, lost)
      << "a late message of the lost pack must not be taken for it";
}

// 1000 trials -> 8 x 125 -> 8 x 16 -> 8 x 2 -> 2 x 1: the bad one is found in the fifth attempt.
TEST(Schedule, FindsTheOneBadTrialOfAWidePackAndKeepsAllOthers) {
  constexpr std::size_t kBad = 617;
  auto schedule = lent(1000);
  std::vector<std::size_t> given_up = schedule.end_lease(0, Cause::crash, kNoCheckpoint);
  std::size_t num_finished = 0;
  int last_attempt = 0;
  while (const auto* lease = schedule.lend(0, kNow)) {
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
    EXPECT_EQ(schedule.lend(0, kNow)->attempt, attempt);
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
  const auto* again = patient.lend(1, kNow);
  EXPECT_EQ(again->pack.trials, std::vector<std::size_t>{1});
  EXPECT_EQ(again->attempt, 2);
  EXPECT_TRUE(patient.fail_trial(1, 1, Cause::exception));
}

TEST(Schedule, HalvesPacksThatNeedTooMuchMemoryAndThoseLikeThem) {
  auto schedule = schedule_of({{.combination = 0, .trials = {0, 1, 2, 3, 8, 9, 10}, .max_width = 4},
                               {.combination = 1, .trials = {4, 5, 6, 7}, .max_width = 4}});
  schedule.lend(0, kNow);
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
  EXPECT_EQ(schedule.lend(0, kNow)->pack.resume_from, 42U);
  EXPECT_TRUE(schedule.is_awaited(42));
  EXPECT_EQ(schedule.lend(1, kNow)->pack.resume_from, 42U);
  EXPECT_FALSE(schedule.is_awaited(42));
}

TEST(Schedule, GivesUpOnlyTheTrialThatFailsAgain) {
  auto schedule = lent(2);
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);
  schedule.lend(0, kNow);
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);
  schedule.lend(0, kNow);

  EXPECT_EQ(schedule.end_lease(0, Cause::crash, kNoCheckpoint), (std::vector<std::size_t>{0}));
  EXPECT_FALSE(schedule.is_finished()) << "the other trial has not been alone yet";
}

/// Two combinations of two packs each; a worker has finished one pack of each, in that time.
Schedule after_two_packs(double seconds_of_second, Cause cause_in_second = Cause::none,
                         std::uint64_t checkpoint = kNoCheckpoint) {
  auto schedule =
      schedule_of({{.combination = 0, .trials = {0, 1}}, {.combination = 1, .trials = {2, 3}}});
  schedule.lend(0, kNow);
  schedule.finish_trial(0, 0);
  schedule.learn(0, 5);
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);
  schedule.lend(0, kNow);
  if (checkpoint != kNoCheckpoint) {
    schedule.end_lease(0, Cause::crash, checkpoint);
    schedule.lend(0, kNow);
  }
  if (cause_in_second == Cause::none) {
    schedule.finish_trial(0, 2);
  } else {
    schedule.fail_trial(0, 2, cause_in_second);
  }
  schedule.learn(0, seconds_of_second);
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);
  return schedule;
}

void finish_only_trial(Schedule& schedule, int worker) {
  schedule.finish_trial(worker, schedule.lease_of(worker)->pack.trials.front());
  schedule.end_lease(worker, Cause::crash, kNoCheckpoint);
}

TEST(Schedule, LendsWhatTakesLongestFirstAsItsPacksHaveTold) {
  auto equal = after_two_packs(/*seconds_of_second=*/5);
  EXPECT_EQ(equal.lend(0, kNow)->pack.trials, std::vector<std::size_t>{1}) << "in grid order";

  auto longer = after_two_packs(/*seconds_of_second=*/6);
  EXPECT_EQ(longer.lend(0, kNow)->pack.trials, std::vector<std::size_t>{3});
}

TEST(Schedule, LearnsNothingFromAPackWithAFailedTrialOrOneThatWentOn) {
  auto failed = after_two_packs(/*seconds_of_second=*/6, Cause::exception);
  EXPECT_EQ(failed.lend(0, kNow)->pack.trials, std::vector<std::size_t>{1});

  auto resumed = after_two_packs(/*seconds_of_second=*/6, Cause::none, /*checkpoint=*/42);
  EXPECT_EQ(resumed.lend(0, kNow)->pack.trials, std::vector<std::size_t>{1});
}

TEST(Schedule, LearnsNothingFromAPackThatLacksAResult) {
  auto schedule =
      schedule_of({{.combination = 0, .trials = {0, 1}}, {.combination = 1, .trials = {2, 3}}});
  schedule.lend(0, kNow);
  schedule.lend(1, kNow);
  schedule.learn(1, 1000);

  EXPECT_EQ(schedule.lend(2, kNow)->pack.trials, std::vector<std::size_t>{1});
}

/// Two workers, and packs of 8 trials that take 1 s each and 1 s more.
Schedule two_workers(std::size_t num_trials) {
  std::vector<std::size_t> trials(num_trials);
  std::iota(trials.begin(), trials.end(), 0);
  return {WaitingPacks({.groups = {{.trials = trials, .max_width = 8}}},
                       CostModel({1}, /*fixed_trials=*/1), /*num_workers=*/2),
          default_retries()};
}

void finish_pack(Schedule& schedule, int worker) {
  const auto trials = schedule.lease_of(worker)->pack.trials;
  for (const auto trial : trials)
    schedule.finish_trial(worker, trial);
  schedule.learn(worker, 1 + static_cast<double>(trials.size()));
  schedule.end_lease(worker, Cause::crash, kNoCheckpoint);
}

TEST(Schedule, LeavesTheLastPackWholeIfTheOthersHaveJustBegunTheirs) {
  auto schedule = two_workers(32);
  schedule.lend(0, 0);
  schedule.lend(1, 0);
  finish_pack(schedule, 0);
  schedule.lend(0, 9);
  finish_pack(schedule, 1);

  EXPECT_EQ(schedule.lend(1, 9)->width, 8U);
}

TEST(Schedule, CutsTheLastPackIfTheOthersAreNearlyDone) {
  auto schedule = two_workers(32);
  schedule.lend(0, 0);
  schedule.lend(1, 0);
  finish_pack(schedule, 0);
  schedule.lend(0, 9);
  finish_pack(schedule, 1);

  // Worker 0 has 2 s left and 9 s wait, which makes 5.5 s for each: of 8 trials in 9 s, 4.9.
  EXPECT_EQ(schedule.lend(1, 16)->width, 5U);
}

constexpr double kNoCheckpoints = 0;  // between two of them

TEST(Schedule, LendsOnlyWhatEndsInTime) {
  auto schedule = after_two_packs(/*seconds_of_second=*/6);  // one of 5 s waits, and one of 6 s
  schedule.end_at(/*end_s=*/100, kNoCheckpoints);

  EXPECT_EQ(schedule.lend(0, 95)->pack.trials, std::vector<std::size_t>{1})
      << "the longer one would have been the first";
  EXPECT_EQ(schedule.lend(1, 95), nullptr);
  EXPECT_EQ(schedule.held_back().num_packs, 1U);
  EXPECT_EQ(schedule.held_back().num_trials, 1U);
  EXPECT_EQ(schedule.held_back().shortest_s, 6);
  EXPECT_EQ(schedule.held_back().left_s, 5);
}

TEST(Schedule, LendsWhatReachesItsNextCheckpointInTime) {
  auto schedule = after_two_packs(/*seconds_of_second=*/6);
  schedule.end_at(/*end_s=*/100, /*checkpoint_every_s=*/3);

  EXPECT_EQ(schedule.lend(0, 97)->pack.trials, std::vector<std::size_t>{3});
  EXPECT_EQ(schedule.lend(1, 97.1), nullptr);
}

TEST(Schedule, IsOutOfTimeWhenNothingIsLentAndNothingFits) {
  auto schedule = after_two_packs(/*seconds_of_second=*/6);
  schedule.end_at(/*end_s=*/100, kNoCheckpoints);

  schedule.tell_time(95);
  EXPECT_FALSE(schedule.is_out_of_time());
  schedule.lend(0, 95);
  schedule.tell_time(99);
  EXPECT_FALSE(schedule.is_out_of_time()) << "a pack is training";
  finish_only_trial(schedule, 0);
  EXPECT_TRUE(schedule.is_out_of_time());
  EXPECT_FALSE(schedule.is_finished());
}

TEST(Schedule, IsNeverOutOfTimeWithoutAnEnd) {
  auto schedule = two_packs();
  schedule.tell_time(1e9);

  EXPECT_FALSE(schedule.is_out_of_time());
  EXPECT_EQ(schedule.held_back().num_packs, 0U);
  EXPECT_NE(schedule.lend(0, 1e9), nullptr);
}

TEST(Schedule, TriesAPackOfWhichNobodyKnowsIfSomeSecondsAreLeft) {
  auto schedule = two_packs();
  schedule.end_at(/*end_s=*/100, /*checkpoint_every_s=*/60);

  EXPECT_NE(schedule.lend(0, 100 - kLeastTrySeconds), nullptr);
  EXPECT_EQ(schedule.lend(0, 100 - kLeastTrySeconds), nullptr)
      << "nobody knows when it would begin";
  EXPECT_EQ(schedule.lend(1, 100.1 - kLeastTrySeconds), nullptr);
}

TEST(Schedule, CountsWhatIsLeftOfAPackThatWasSaved) {
  for (const std::uint64_t checkpoint : {std::uint64_t{42}, kNoCheckpoint}) {
    auto schedule = after_two_packs(/*seconds_of_second=*/6);
    schedule.end_at(/*end_s=*/100, kNoCheckpoints);
    schedule.lend(0, 0);
    schedule.tell_progress(0, 0.5);
    schedule.end_lease(0, Cause::crash, checkpoint);

    const auto* lease = schedule.lend(0, 96.5);

    // 6 s in all, so 3 s are left of it. The other pack takes 5 s.
    EXPECT_EQ(lease != nullptr, checkpoint != kNoCheckpoint);
  }
}

TEST(Schedule, SendsAheadOnlyWhatEndsInTimeAfterTheFormer) {
  auto schedule = after_two_packs(/*seconds_of_second=*/5);
  schedule.end_at(/*end_s=*/100, kNoCheckpoints);
  schedule.lend(0, 90.5);

  EXPECT_EQ(schedule.lend(0, 90.5), nullptr) << "it would end at 100.5";
  EXPECT_NE(schedule.lend(1, 90.5), nullptr) << "another can begin it now";
}

TEST(Schedule, TellsThatAPackAheadWouldBeginTooLate) {
  auto schedule = after_two_packs(/*seconds_of_second=*/5);
  schedule.end_at(/*end_s=*/100, kNoCheckpoints);
  schedule.lend(0, 90);
  ASSERT_NE(schedule.lend(0, 90), nullptr) << "from 95 to 100";

  schedule.tell_time(95);
  EXPECT_TRUE(schedule.is_in_time(0));
  schedule.tell_time(95.5);
  EXPECT_FALSE(schedule.is_in_time(0)) << "the first takes longer than it was thought";
}

TEST(Schedule, RefusesAResultOfATrialThatIsNotLent) {
  auto schedule = two_packs();
  schedule.lend(0, kNow);

  EXPECT_FALSE(schedule.finish_trial(0, 2));
  EXPECT_FALSE(schedule.finish_trial(1, 0));
  EXPECT_TRUE(schedule.finish_trial(0, 0));
  EXPECT_FALSE(schedule.finish_trial(0, 0)) << "a second result";
}

TEST(Schedule, LendsAheadToAWorkerThatTrainsThePacksInTheirOrder) {
  auto schedule = two_packs();
  schedule.lend(0, kNow);

  EXPECT_EQ(schedule.lend(0, kNow)->pack.number, 1);
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

TEST(Schedule, BeginsAPackThatLayReadyAtTheTimeItWasTold) {
  auto schedule = two_packs();
  schedule.lend(0, 0);
  schedule.lend(0, 0);
  schedule.finish_trial(0, 0);
  schedule.finish_trial(0, 1);

  schedule.tell_time(3600);
  schedule.end_lease(0, Cause::crash, kNoCheckpoint);

  EXPECT_EQ(schedule.lease_of(0)->begin_s, 3600);
}

TEST(Schedule, LeavesAPackAheadAloneWhenTheTrainerIsLost) {
  auto schedule = two_packs();
  schedule.lend(0, kNow);
  schedule.lend(0, kNow);

  schedule.end_lease(0, Cause::crash, kNoCheckpoint);

  ASSERT_NE(schedule.lease_of(0), nullptr);
  EXPECT_EQ(schedule.lease_of(0)->pack.number, 1);
  EXPECT_EQ(schedule.lease_of(0)->attempt, 1);
  EXPECT_TRUE(schedule.lease_of(0)->failures.empty());
}

TEST(Schedule, TakesAPackBackAsTheSameAttemptInFrontOfAllOthers) {
  auto schedule = schedule_of({{.combination = 0, .trials = {0, 1}, .max_width = 2},
                               {.combination = 1, .trials = {2, 3}, .max_width = 2},
                               {.combination = 2, .trials = {4}}});
  schedule.lend(0, kNow);
  schedule.lend(0, kNow);

  EXPECT_TRUE(schedule.give_back(0, 1, /*checkpoint=*/42));

  EXPECT_EQ(schedule.num_lent_to(0), 1U);
  const auto* again = schedule.lend(1, kNow);
  EXPECT_EQ(again->pack.trials, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(again->pack.resume_from, 42U);
  EXPECT_EQ(again->attempt, 1);
  EXPECT_TRUE(again->failures.empty());
  EXPECT_NE(again->pack.number, 1) << "a late message must not be taken for its own";
}

TEST(Schedule, TakesNoPackBackThatTheWorkerDoesNotHold) {
  auto schedule = two_packs();
  schedule.lend(0, kNow);

  EXPECT_FALSE(schedule.give_back(0, 1, kNoCheckpoint)) << "it waits";
  EXPECT_FALSE(schedule.give_back(1, 0, kNoCheckpoint)) << "another has it";
  EXPECT_EQ(schedule.num_waiting(), 1U);
}

TEST(Schedule, HalvesAPackThatIsGivenBackAfterOneLikeItNeededTooMuchMemory) {
  auto schedule =
      schedule_of({{.combination = 3, .trials = {0, 1, 2, 3, 4, 5, 6, 7}, .max_width = 4}});
  schedule.lend(0, kNow);
  schedule.lend(1, kNow);
  schedule.end_lease(0, Cause::out_of_memory, kNoCheckpoint);

  schedule.give_back(1, 1, kNoCheckpoint);

  std::vector<std::vector<std::size_t>> trials;
  for (const auto& lease : lend_all(schedule))
    trials.push_back(lease.pack.trials);
  EXPECT_EQ(trials, (std::vector<std::vector<std::size_t>>{{4, 5}, {6, 7}, {0, 1}, {2, 3}}));
}

}  // namespace
}  // namespace sweep
