#include "sweep/device_assignment.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "protocol/messages.hpp"

namespace sweep {
namespace {

using Gpus = std::vector<std::string>;

RankView view(const std::string& node, const Gpus& gpus) {
  return {.node = node, .gpus = gpus, .is_in_slurm = true};
}

/// As `srun` or `mpirun` in a job that asked for GPUs per task.
RankView view_per_task(const std::string& node, const Gpus& gpus) {
  return {.node = node, .gpus = gpus, .is_in_slurm = true, .asks_per_task = true};
}

/// "cuda:0=2 cpu - ...": what each rank got; "-": nothing.
std::string text(const DeviceAssignment& assignment) {
  std::string text;
  for (const auto& rank : assignment.ranks) {
    text += text.empty() ? "" : " ";
    text += rank.device.empty() ? "-" : rank.device;
    if (!rank.gpu.empty()) text += "=" + rank.gpu;
  }
  return text;
}

TEST(AssignDevices, GivesEachRankItsOwnOfTheListThatANodeSees) {
  const auto n1 = view("n1", {"0", "1"});
  const auto n2 = view("n2", {"4", "7"});

  const auto assignment = assign_devices(/*uses_gpus=*/true, {n1, n2, n2, n1});

  EXPECT_EQ(text(assignment), "cuda:0=0 cuda:0=4 cuda:1=7 cuda:1=1");
  EXPECT_TRUE(assignment.findings.empty());
}

TEST(AssignDevices, TakesTheOneDeviceThatEachRankSees) {
  const auto assignment = assign_devices(
      /*uses_gpus=*/true, {view_per_task("n1", {"0"}), view_per_task("n1", {"1"}),
                           view_per_task("n2", {"0"}), view_per_task("n2", {"1"})});

  EXPECT_EQ(text(assignment), "cuda:0=0 cuda:0=1 cuda:0=0 cuda:0=1");
  EXPECT_TRUE(assignment.findings.empty());
}

TEST(AssignDevices, KnowsTasksApartThatAllCallTheirOwnGpuZero) {
  auto first = view_per_task("n1", {"0"});
  auto second = first;
  first.task = "4";
  second.task = "5";

  EXPECT_TRUE(assign_devices(/*uses_gpus=*/true, {first, second}).findings.empty());
  EXPECT_FALSE(assign_devices(/*uses_gpus=*/true, {first, first}).findings.empty());
}

TEST(AssignDevices, FillsNodesOfDifferentSizes) {
  const auto n1 = view("n1", {"0", "1", "2"});
  const auto n2 = view("n2", {"0"});

  const auto assignment = assign_devices(/*uses_gpus=*/true, {n1, n1, n1, n2});

  EXPECT_EQ(text(assignment), "cuda:0=0 cuda:1=1 cuda:2=2 cuda:0=0");
  EXPECT_TRUE(assignment.findings.empty());
}

TEST(AssignDevices, AvoidsAGpuThatAnotherRankHasByAnotherList) {
  const auto assignment =
      assign_devices(/*uses_gpus=*/true, {view("n1", {"0", "1"}), view("n1", {"0", "2"})});

  EXPECT_EQ(text(assignment), "cuda:0=0 cuda:1=2");
}

TEST(AssignDevices, SharesGpusEvenlyAmongMoreRanks) {
  const auto n1 = view("n1", {"0", "1"});

  const auto assignment = assign_devices(/*uses_gpus=*/true, {n1, n1, n1, n1});

  EXPECT_EQ(text(assignment), "cuda:0=0 cuda:1=1 cuda:0=0 cuda:1=1");
  EXPECT_TRUE(assignment.findings.empty()) << assignment.findings[0];
}

TEST(AssignDevices, FindsRanksThatMpirunLeftWithOneTasksGpu) {
  const auto n1 = view_per_task("n1", {"0"});
  const auto n2 = view_per_task("n2", {"0"});

  const auto assignment = assign_devices(/*uses_gpus=*/true, {n1, n1, n2, n2});

  EXPECT_EQ(text(assignment), "cuda:0=0 cuda:0=0 cuda:0=0 cuda:0=0");
  ASSERT_EQ(assignment.findings.size(), 1U);
  EXPECT_EQ(assignment.findings[0].find("ranks share a GPU on n[1-2] ("), 0U);
  EXPECT_NE(assignment.findings[0].find("--gpus-per-node"), std::string::npos);
  EXPECT_NE(assignment.findings[0].find("srun --mpi=pmix"), std::string::npos);
}

TEST(AssignDevices, FindsTheTrapOnTheNodesThatAreInItAlone) {
  // The node of mpirun itself sees what the batch script sees.
  const auto n1 = view_per_task("n1", {"0", "1"});
  const auto n2 = view_per_task("n2", {"0"});

  const auto assignment = assign_devices(/*uses_gpus=*/true, {n1, n1, n2, n2});

  ASSERT_EQ(assignment.findings.size(), 1U);
  EXPECT_EQ(assignment.findings[0].find("ranks share a GPU on n2 ("), 0U);
}

TEST(AssignDevices, LeavesRanksIdleThatSeeNoGpuWhereOthersDo) {
  const auto assignment =
      assign_devices(/*uses_gpus=*/true, {view("n1", {"0"}), view("n2", {}), view("n3", {})});

  EXPECT_EQ(text(assignment), "cuda:0=0 - -");
  ASSERT_EQ(assignment.findings.size(), 1U);
  EXPECT_EQ(assignment.findings[0].find("ranks on n[2-3] see no GPU and stay idle"), 0U);
}

TEST(AssignDevices, CountsGpusOfTheJobThatNoRankHas) {
  const auto assignment = assign_devices(
      /*uses_gpus=*/true, {view("n1", {"0", "1", "2"}), view("n2", {"0", "1"})});

  ASSERT_EQ(assignment.findings.size(), 1U);
  EXPECT_EQ(assignment.findings[0].find("3 GPUs on n[1-2] have no rank"), 0U);
}

TEST(AssignDevices, GivesAllRanksTheCpuWithoutGpus) {
  const auto assignment = assign_devices(/*uses_gpus=*/false, {view("n1", {"0"}), view("n2", {})});

  EXPECT_EQ(text(assignment), "cpu cpu");
  EXPECT_TRUE(assignment.findings.empty());
}

TEST(FlawOfChoice, IsARankZeroThatSeesNoGpuWhereOthersDo) {
  const std::vector<RankView> views = {view("n1", {}), view("n2", {"0"})};

  EXPECT_EQ(flaw_of_choice(DeviceChoice::automatic, views).find("n1, where rank 0 is, has no GPU"),
            0U);
  EXPECT_EQ(flaw_of_choice(DeviceChoice::cpu, views), "");
  EXPECT_EQ(flaw_of_choice(DeviceChoice::automatic, {view("n1", {}), view("n2", {})}), "");
  EXPECT_EQ(flaw_of_choice(DeviceChoice::automatic, {view("n1", {"0"}), view("n2", {})}), "");
}

TEST(RankView, ComesBackWhole) {
  auto view = view_per_task("n1", {"0", "GPU-7f"});
  view.task = "3";
  const auto back = parse_rank_view(serialize(view));

  EXPECT_EQ(back.node, "n1");
  EXPECT_EQ(back.gpus, Gpus({"0", "GPU-7f"}));
  EXPECT_TRUE(back.is_in_slurm);
  EXPECT_TRUE(back.asks_per_task);
  EXPECT_EQ(back.task, "3");
  EXPECT_THROW(parse_rank_view("garbage"), protocol::ProtocolError);
}

TEST(RankView, IsWhatTheEnvironmentTells) {
  setenv("SLURMD_NODENAME", "n7", 1);
  setenv("SLURM_JOB_ID", "12", 1);
  setenv("SLURM_GPUS_PER_TASK", "1", 1);
  setenv("CUDA_VISIBLE_DEVICES", "0,1", 1);
  setenv("SLURM_STEP_GPUS", "2,5", 1);
  setenv("SLURM_PROCID", "3", 1);

  const auto view = view_of_this_rank();

  EXPECT_EQ(view.node, "n7");
  EXPECT_EQ(view.gpus, Gpus({"2", "5"})) << "counted from 0 inside the fence, 2 and 5 on the node";
  EXPECT_TRUE(view.is_in_slurm);
  EXPECT_TRUE(view.asks_per_task);
  EXPECT_EQ(view.task, "3");
}

}  // namespace
}  // namespace sweep
