#include "sweep/launcher.hpp"

#include <gtest/gtest.h>

#include "sweep/child_process.hpp"

namespace sweep {
namespace {

/// Without the program that is launched, which is this test.
std::string launch_words(const Launch& launch) {
  auto words = command_of(launch, {"run", "a.yaml"});
  EXPECT_EQ(words[words.size() - 3], own_program().string());
  EXPECT_EQ(words[words.size() - 2], "run");
  EXPECT_EQ(words[words.size() - 1], "a.yaml");
  std::string text = words.front();
  for (std::size_t i = 1; i + 3 < words.size(); ++i)
    text += " " + words[i];
  return text;
}

TEST(Launch, IsByMpirunOnThisMachine) {
  EXPECT_EQ(launch_words({.num_ranks = 3}), "mpirun -n 3 --quiet --bind-to none --oversubscribe");
}

TEST(Launch, SpreadsRanksOverNodesAsTheyAreCounted) {
  const std::vector<NodeRanks> places = {{.node = "n1", .num_ranks = 4},
                                         {.node = "n2", .num_ranks = 2}};
  EXPECT_EQ(launch_words({.num_ranks = 6, .places = places}),
            "mpirun -n 6 --quiet --bind-to none --oversubscribe --host n1:4,n2:2 "
            "--mca orte_launch_agent " +
                own_program().string() + " exec-deaf orted");
  EXPECT_EQ(
      launch_words({.launcher = Launcher::srun, .num_ranks = 6, .places = places}),
      "srun --mpi=pmix --kill-on-bad-exit=1 --cpu-bind=none --ntasks=6 --nodes=2 --nodelist=n1,n2");
}

TEST(Launch, HasSrunGiveEachRankAGpuOfItsOwn) {
  EXPECT_EQ(launch_words({.launcher = Launcher::srun, .num_ranks = 2, .has_gpu_per_rank = true}),
            "srun --mpi=pmix --kill-on-bad-exit=1 --cpu-bind=none --ntasks=2 --gpus-per-task=1");
}

TEST(PlannedLaunch, IsHereOutsideOfSlurm) {
  unsetenv("SLURM_JOB_ID");
  const auto launch = plan_launch({.num_ranks_here = 3});
  EXPECT_EQ(launch.num_ranks, 3);
  EXPECT_TRUE(launch.places.empty());
  EXPECT_EQ(plan_launch({.num_ranks = 5, .num_ranks_here = 3}).num_ranks, 5);
}

}  // namespace
}  // namespace sweep
