#include "sweep/waiting_packs.hpp"

#include <numeric>

#include <gtest/gtest.h>

namespace sweep {
namespace {

constexpr double kNobodyIsBusy = 0;

/// So many trials from `first` on.
PackGroup group_of(std::size_t combination, std::size_t first, std::size_t count,
                   std::size_t max_width) {
  PackGroup group{.combination = combination,
                  .trials = std::vector<std::size_t>(count),
                  .max_width = max_width};
  std::iota(group.trials.begin(), group.trials.end(), first);
  return group;
}

WaitingPacks waiting(std::vector<PackGroup> groups, std::vector<double> hints, int num_workers = 1,
                     double fixed_trials = 0) {
  return {{.groups = std::move(groups)}, CostModel(std::move(hints), fixed_trials), num_workers};
}

/// The same; a trial alone has taken 1 s and `fixed_trials` more in each combination.
WaitingPacks measured(std::vector<PackGroup> groups, int num_workers, double fixed_trials = 0) {
  const auto count = groups.size();
  auto packs = waiting(std::move(groups), std::vector<double>(count, 1), num_workers, fixed_trials);
  for (std::size_t combination = 0; combination < count; ++combination)
    packs.learn(combination, /*width=*/1, 1 + fixed_trials);
  return packs;
}

/// The combinations of all packs, in the order in which they are handed out.
std::vector<std::size_t> combinations_of_all(WaitingPacks& packs) {
  std::vector<std::size_t> combinations;
  while (const auto lease = packs.take(kNobodyIsBusy))
    combinations.push_back(lease->pack.combination);
  return combinations;
}

std::vector<std::size_t> widths_of_all(WaitingPacks& packs) {
  std::vector<std::size_t> widths;
  while (const auto lease = packs.take(kNobodyIsBusy))
    widths.push_back(lease->pack.trials.size());
  return widths;
}

using Numbers = std::vector<std::size_t>;

TEST(WaitingPacks, HandOutTheLongestFirstByTheirHints) {
  auto packs =
      waiting({group_of(0, 0, 4, 4), group_of(1, 4, 4, 4), group_of(2, 8, 2, 2)}, {1, 2, 5});

  EXPECT_EQ(combinations_of_all(packs), (Numbers{2, 1, 0})) << "10, 8 and 4 by their hints";
}

TEST(WaitingPacks, HandOutTheWidestFirstWhereTrialsCostTheSame) {
  auto packs =
      waiting({group_of(0, 0, 2, 8), group_of(1, 2, 6, 8), group_of(2, 8, 2, 8)}, {1, 1, 1});

  EXPECT_EQ(combinations_of_all(packs), (Numbers{1, 0, 2})) << "equal ones in grid order";
}

TEST(WaitingPacks, TryOnePackOfEachCombinationBeforeTheOthers) {
  auto packs =
      waiting({group_of(0, 0, 3, 1), group_of(1, 3, 3, 1), group_of(2, 6, 1, 1)}, {1, 2, 9});

  EXPECT_EQ(combinations_of_all(packs), (Numbers{1, 0, 2, 1, 1, 0, 0}))
      << "an only pack tells nothing of others";
}

TEST(WaitingPacks, GoByWhatPacksTookOnceTheyHaveFinished) {
  auto packs =
      waiting({group_of(0, 0, 2, 1), group_of(1, 2, 2, 1), group_of(2, 4, 1, 1)}, {1, 2, 4});
  packs.take(kNobodyIsBusy);
  packs.take(kNobodyIsBusy);
  packs.learn(/*combination=*/1, /*width=*/1, /*seconds=*/2);
  packs.learn(/*combination=*/0, /*width=*/1, /*seconds=*/30);

  // Combination 2 is taken for 4 times 32 / 3 seconds.
  EXPECT_EQ(combinations_of_all(packs), (Numbers{2, 0, 1}));
}

TEST(WaitingPacks, HandOutSavedAndRepeatedPacksBeforeAllOthers) {
  WaitingPacks packs(
      {.saved = {{.trials = {7}, .resume_from = 42}}, .groups = {group_of(0, 0, 2, 2)}},
      CostModel({1}, 0), /*num_workers=*/1);
  EXPECT_TRUE(packs.has_checkpoint(42));
  packs.put_in_front({.pack = {.trials = {9}}, .attempt = 2});

  EXPECT_EQ(packs.take(kNobodyIsBusy)->pack.trials, Numbers{9});
  EXPECT_EQ(packs.take(kNobodyIsBusy)->pack.trials, Numbers{7});
  EXPECT_FALSE(packs.has_checkpoint(42));
  EXPECT_EQ(packs.take(kNobodyIsBusy)->pack.trials, (Numbers{0, 1}));
  EXPECT_TRUE(packs.empty());
  EXPECT_FALSE(packs.take(kNobodyIsBusy));
}

TEST(WaitingPacks, CutAGroupEvenly) {
  auto packs = waiting({group_of(0, 0, 9, 8)}, {1});

  EXPECT_EQ(widths_of_all(packs), (Numbers{5, 4}));
}

TEST(WaitingPacks, KeepEveryTrialOnceAndGroupsApart) {
  auto packs = waiting({group_of(0, 0, 15, 4), group_of(1, 15, 7, 8)}, {1, 1}, /*num_workers=*/3);
  std::vector<std::size_t> trials;
  std::int64_t number = 0;
  while (const auto lease = packs.take(kNobodyIsBusy)) {
    EXPECT_EQ(lease->pack.number, number++);
    EXPECT_EQ(lease->width, lease->pack.trials.size());
    EXPECT_LE(lease->width, lease->pack.combination == 0 ? 4U : 8U);
    for (const auto trial : lease->pack.trials) {
      EXPECT_EQ(lease->pack.combination, trial < 15 ? 0U : 1U);
      trials.push_back(trial);
    }
  }
  std::ranges::sort(trials);
  Numbers all(22);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(trials, all);
}

// A share is what waits by 4 workers: 16 trials are 4 each, then 12 are 3 each, then 9 / 4 ...
TEST(WaitingPacks, GiveNobodyMoreThanAnEqualShareOfWhatWaits) {
  auto packs = measured({group_of(0, 0, 16, 16)}, /*num_workers=*/4);

  EXPECT_EQ(widths_of_all(packs), (Numbers{4, 3, 2, 2, 1, 1, 1, 1, 1}));
}

TEST(WaitingPacks, CountWhatOthersStillHaveToDo) {
  auto packs = measured({group_of(0, 0, 16, 16)}, /*num_workers=*/4, /*fixed_trials=*/1);

  // 17 s wait and 7 s are under way, a share is 6 s: of 16 trials in 17 s, 5.6.
  EXPECT_EQ(packs.take(/*busy_s=*/7)->width, 6U);
}

TEST(WaitingPacks, CountNothingOnOthersWherePartsCostNoMore) {
  auto packs = measured({group_of(0, 0, 16, 16)}, /*num_workers=*/4);

  EXPECT_EQ(packs.take(/*busy_s=*/1000)->width, 4U);
}

TEST(WaitingPacks, GiveHalfOfWhatOthersGetWhereOnlyHintsTell) {
  auto packs = waiting({group_of(0, 0, 70, 70)}, {1}, /*num_workers=*/4);

  EXPECT_EQ(packs.take(kNobodyIsBusy)->width, 10U) << "and the three others 20 each";
}

TEST(WaitingPacks, LeaveAPackWholeWhileEnoughElseWaits) {
  auto packs = measured({group_of(0, 0, 4, 4), group_of(1, 4, 11, 1)}, /*num_workers=*/4);

  EXPECT_EQ(packs.take(kNobodyIsBusy)->width, 4U)
      << "15 trials by 4 workers are 3.75, nearly all of them";
}

TEST(WaitingPacks, AreCutOnlyWhereHalfAPackTakesMuchLess) {
  // t(8) = 12 of which 4 are fixed: in halves 8 each, a third more for each trial.
  auto costly = measured({group_of(0, 0, 8, 8)}, /*num_workers=*/4, /*fixed_trials=*/4);
  EXPECT_EQ(widths_of_all(costly), Numbers{8});

  // t(8) = 10 of which 2 are fixed: in halves 6 each, a fifth more; in thirds a third.
  auto cheap = measured({group_of(0, 0, 8, 8)}, /*num_workers=*/4, /*fixed_trials=*/2);
  EXPECT_EQ(widths_of_all(cheap), (Numbers{4, 4}));
}

TEST(WaitingPacks, AreNotCutWhenTheyGoOnFromACheckpoint) {
  WaitingPacks packs({.saved = {{.trials = {0, 1, 2, 3}, .resume_from = 42}}}, CostModel({1}, 0),
                     /*num_workers=*/4);

  const auto lease = packs.take(kNobodyIsBusy);
  EXPECT_EQ(lease->pack.trials.size(), 4U);
  EXPECT_EQ(lease->width, 0U) << "its time tells nothing of packs that begin";
}

/// Two trials of 10 s, then two of 4 s.
WaitingPacks long_and_short() {
  auto packs = waiting({group_of(0, 0, 2, 1), group_of(1, 2, 2, 1)}, {1, 1});
  packs.learn(/*combination=*/0, /*width=*/1, /*seconds=*/10);
  packs.learn(/*combination=*/1, /*width=*/1, /*seconds=*/4);
  return packs;
}

TEST(WaitingPacks, HandOutTheLongestThatThereIsTimeFor) {
  auto packs = long_and_short();

  EXPECT_EQ(packs.take(kNobodyIsBusy, /*most_s=*/10)->pack.combination, 0U);
  EXPECT_EQ(packs.take(kNobodyIsBusy, /*most_s=*/9.9)->pack.combination, 1U);
  EXPECT_FALSE(packs.take(kNobodyIsBusy, /*most_s=*/3.9));
  EXPECT_EQ(packs.take(kNobodyIsBusy)->pack.combination, 0U) << "it still waits";
}

TEST(WaitingPacks, GoByHintsForWhatThereIsTimeForOnceAnyPackHasTold) {
  auto packs =
      waiting({group_of(0, 0, 1, 1), group_of(1, 1, 1, 1), group_of(2, 2, 1, 1)}, {1, 3, 5});
  packs.learn(/*combination=*/0, /*width=*/1, /*seconds=*/2);

  EXPECT_EQ(packs.take(kNobodyIsBusy, /*most_s=*/9)->pack.combination, 1U) << "6 s; the other 10";
  EXPECT_EQ(packs.take(kNobodyIsBusy, /*most_s=*/9)->pack.combination, 0U);
  EXPECT_FALSE(packs.take(kNobodyIsBusy, /*most_s=*/9));
}

TEST(WaitingPacks, AreTriedForSomeSecondsWhileNobodyKnowsHowLongTheyTake) {
  auto packs = waiting({group_of(0, 0, 2, 1)}, {1000});

  EXPECT_FALSE(packs.take(kNobodyIsBusy, kLeastTrySeconds - 0.1));
  EXPECT_EQ(packs.held_back(kLeastTrySeconds - 0.1).shortest_s, -1);
  EXPECT_TRUE(packs.take(kNobodyIsBusy, kLeastTrySeconds));
}

TEST(WaitingPacks, CountWhatIsLeftOfASavedPack) {
  auto packs = long_and_short();
  packs.put_in_front({.pack = {.trials = {9}, .resume_from = 42}, .skipped = 0.75});

  EXPECT_FALSE(packs.has_pack_within(2.4)) << "a quarter of 10 s";
  EXPECT_EQ(packs.take(kNobodyIsBusy, /*most_s=*/2.6)->pack.trials, Numbers{9});
}

TEST(WaitingPacks, TellWhatIsHeldBack) {
  auto packs = long_and_short();
  packs.put_in_front({.pack = {.trials = {9}}});

  const auto some = packs.held_back(/*most_s=*/5);
  EXPECT_EQ(some.num_packs, 3U);
  EXPECT_EQ(some.num_trials, 3U);
  EXPECT_EQ(some.shortest_s, 10);
  EXPECT_EQ(packs.held_back(/*most_s=*/3).num_packs, 5U);
  EXPECT_EQ(packs.held_back(/*most_s=*/3).shortest_s, 4);
  EXPECT_EQ(packs.held_back(WaitingPacks::kAnyTime).num_packs, 0U);
}

TEST(WaitingPacks, NarrowWhatWaitsAndWhatWaitsAgain) {
  auto packs = waiting({group_of(0, 0, 5, 5), group_of(1, 5, 4, 4)}, {1, 1});
  packs.put_in_front({.pack = {.combination = 0, .trials = {20, 21, 22}}, .attempt = 2});

  packs.narrow(/*combination=*/0, /*width=*/2);

  EXPECT_EQ(packs.take(kNobodyIsBusy)->pack.trials, (Numbers{20, 21}));
  EXPECT_EQ(packs.take(kNobodyIsBusy)->attempt, 2);
  EXPECT_EQ(widths_of_all(packs), (Numbers{2, 4, 2, 1}));
}

}  // namespace
}  // namespace sweep
