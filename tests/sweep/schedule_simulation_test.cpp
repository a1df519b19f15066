#include "tests/sweep/schedule_simulation.hpp"

#include <gtest/gtest.h>

namespace sweep {
namespace {

/// Two thousand short trials on four ranks.
SimulatedSweep small_sweep() {
  return {.num_trials = 2'000, .num_combinations = 40, .num_workers = 4, .noise = 0.2};
}

/// A tenth of what `./dev bench simulation` runs.
SimulatedSweep large_sweep() {
  return {.num_trials = 1'000'000,
          .num_combinations = 1'000,
          .num_workers = 10'000,
          .spread = 20,
          .hint_error = 3,
          .noise = 0.2,
          .loss_rate = 1e-3};
}

/// Seconds that the ranks have nothing to train, all together.
double idle_time(const SimulatedSweep& sweep, const Simulation& simulation) {
  return simulation.span_s * sweep.num_workers - simulation.work_s;
}

TEST(ScheduleSimulation, KeepsFourRanksBusyWithEqualTrials) {
  const auto simulation = simulate(small_sweep());

  EXPECT_EQ(simulation.num_finished, 2'000U);
  EXPECT_GE(simulation.utilization, 0.97);
}

TEST(ScheduleSimulation, KeepsFourRanksBusyWithTrialsOfOneToTwenty) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto sweep = small_sweep();
    sweep.spread = 20;
    sweep.hint_error = 3;
    sweep.seed = seed;

    EXPECT_GE(simulate(sweep).utilization, 0.95) << "seed " << seed;
  }
}

TEST(ScheduleSimulation, KeepsThousandsOfRanksBusyWhileTrainersDie) {
  const auto simulation = simulate(large_sweep());

  EXPECT_EQ(simulation.num_finished + simulation.num_given_up, 1'000'000U);
  EXPECT_LT(simulation.num_given_up, 10U) << "of trials whose trainer was killed, five tries each";
  EXPECT_GE(simulation.utilization, 0.95);
}

/// Five packs of eight for each rank, of 1 : 20.
TEST(ScheduleSimulation, LeavesAThirdOfTheIdleTimeOfPlanOrder) {
  double idle_s = 0;
  double idle_in_plan_order_s = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const SimulatedSweep sweep = {.num_trials = 160,
                                  .num_combinations = 10,
                                  .num_workers = 4,
                                  .spread = 20,
                                  .hint_error = 2,
                                  .noise = 0.1,
                                  .seed = seed};
    idle_s += idle_time(sweep, simulate(sweep));
    idle_in_plan_order_s += idle_time(sweep, simulate_plan_order(sweep));
  }
  RecordProperty("idle", std::to_string(idle_s));
  RecordProperty("idle_in_plan_order", std::to_string(idle_in_plan_order_s));

  EXPECT_LT(idle_s, idle_in_plan_order_s / 3);
}

/// Eight packs that take up to a rank's whole share of the sweep.
TEST(ScheduleSimulation, CutsPacksThatWouldLeaveOthersIdle) {
  auto sweep = small_sweep();
  sweep.num_combinations = 8;
  sweep.pack_width = 250;
  sweep.spread = 20;

  EXPECT_GE(simulate(sweep).utilization, 0.97);
  EXPECT_LT(simulate_plan_order(sweep).utilization, 0.8);
}

}  // namespace
}  // namespace sweep
