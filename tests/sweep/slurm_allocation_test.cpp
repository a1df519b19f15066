#include <chrono>
#include <cstdlib>

#include <gtest/gtest.h>

#include "sweep/command_output.hpp"
#include "sweep/slurm/allocation.hpp"

namespace sweep {
namespace {

using Names = std::vector<std::string>;
using Counts = std::vector<int>;

TEST(ExpandNodeList, GivesEveryName) {
  EXPECT_EQ(expand_node_list("n1"), Names({"n1"}));
  EXPECT_EQ(expand_node_list("n[1-2,5],gpu3"), Names({"n1", "n2", "n5", "gpu3"}));
}

TEST(ExpandNodeList, KeepsLeadingZeros) {
  EXPECT_EQ(expand_node_list("n[08-11]"), Names({"n08", "n09", "n10", "n11"}));
  EXPECT_EQ(expand_node_list("n[9-10]"), Names({"n9", "n10"}));
}

TEST(ExpandNodeList, ReadsSeveralBracketsInAName) {
  EXPECT_EQ(expand_node_list("r[1-2]n[3,5]-ib"),
            Names({"r1n3-ib", "r1n5-ib", "r2n3-ib", "r2n5-ib"}));
}

TEST(ExpandNodeList, IsEmptyForWhatIsNoList) {
  for (const char* text : {"", "n[1-", "n[2-1]", "n[a-b]", "n1,,n2", "(null)", "n[1-1000000]",
                           "n[1-99999][1-99999]", "n[]", "n[1-2]]"}) {
    EXPECT_TRUE(expand_node_list(text).empty()) << text;
  }
}

TEST(ExpandCounts, RepeatsWhatIsMarked) {
  EXPECT_EQ(expand_counts("4(x2),2"), Counts({4, 4, 2}));
  EXPECT_EQ(expand_counts("16"), Counts({16}));
}

TEST(ExpandCounts, IsEmptyForWhatIsNoList) {
  for (const char* text : {"", "4(x", "4(x2", "x", "4,", "-1", "4(x1000000)"}) {
    EXPECT_TRUE(expand_counts(text).empty()) << text;
  }
}

TEST(GpusByNode, ReadsWhatScontrolPrints) {
  const auto gpus = gpus_by_node(
      "JobId=7 JobName=sweep\n   NodeList=n[1-4]\n   JOB_GRES=gpu:5\n"
      "     Nodes=n[1-2] CPU_IDs=0-1 Mem=0 GRES=gpu:2(IDX:0-1)\n"
      "     Nodes=n3 CPU_IDs=0 Mem=0 GRES=tmpdir:100,gpu:a100_3g.20gb:1(IDX:0,2)\n"
      "     Nodes=n4 CPU_IDs=0-1 Mem=0 GRES=\n");

  const std::map<std::string, int> expected = {{"n1", 2}, {"n2", 2}, {"n3", 1}, {"n4", 0}};
  EXPECT_EQ(gpus, expected);
}

Allocation nodes_with_gpus(const Counts& gpus) {
  Allocation allocation;
  for (std::size_t i = 0; i < gpus.size(); ++i) {
    allocation.nodes.push_back(
        {.name = "n" + std::to_string(i + 1), .num_cores = 8, .num_gpus = gpus[i]});
  }
  return allocation;
}

std::string places(const Allocation& allocation, std::optional<int> num_ranks = std::nullopt,
                   bool may_use_gpus = true) {
  return to_host_list(place_ranks(allocation, may_use_gpus, num_ranks));
}

TEST(PlaceRanks, GivesEachGpuARank) {
  EXPECT_EQ(places(nodes_with_gpus({4, 2})), "n1:4,n2:2");
}

TEST(PlaceRanks, LeavesOutNodesWithoutAGpu) {
  EXPECT_EQ(places(nodes_with_gpus({0, 2})), "n2:2");
}

TEST(PlaceRanks, GivesEachCoreARankWithoutGpus) {
  EXPECT_EQ(places(nodes_with_gpus({0, 0})), "n1:8,n2:8");
  EXPECT_EQ(places(nodes_with_gpus({4, 2}), {}, /*may_use_gpus=*/false), "n1:8,n2:8");
}

TEST(PlaceRanks, SharesGpusEvenlyWhenMoreRanksAreWanted) {
  EXPECT_EQ(places(nodes_with_gpus({4, 2}), 12), "n1:8,n2:4");
  EXPECT_EQ(places(nodes_with_gpus({2, 2}), 6), "n1:4,n2:2");
}

TEST(PlaceRanks, FillsTheFirstNodesWhenFewerRanksAreWanted) {
  EXPECT_EQ(places(nodes_with_gpus({4, 2}), 3), "n1:3");
  EXPECT_EQ(places(nodes_with_gpus({4, 2}), 5), "n1:4,n2:1");
}

using Variables = std::map<std::string, std::string>;

TEST(LaunchVariables, MakeSlotsOfTheRanksOfEachNode) {
  unsetenv("SLURM_GPUS_PER_TASK");
  const auto allocation = nodes_with_gpus({4, 0, 2});

  const auto variables = launch_variables(allocation, {{"n1", 8}, {"n3", 2}});

  EXPECT_EQ(variables, Variables({{"SLURM_TASKS_PER_NODE", "8,1,2"}}));
}

TEST(LaunchVariables, AskForAllGpusOfANodeInPlaceOfThoseOfATask) {
  setenv("SLURM_GPUS_PER_TASK", "1", 1);

  const auto alike = launch_variables(nodes_with_gpus({2, 2}), {{"n1", 2}, {"n2", 2}});
  const auto mixed = launch_variables(nodes_with_gpus({2, 1}), {{"n1", 2}, {"n2", 1}});

  EXPECT_EQ(alike, Variables({{"SLURM_GPUS_PER_NODE", "2"},
                              {"SLURM_GPUS_PER_TASK", ""},
                              {"SLURM_TASKS_PER_NODE", "2,2"}}));
  EXPECT_EQ(mixed, Variables({{"SLURM_TASKS_PER_NODE", "2,1"}})) << "no one number is right";
}

class SlurmVariables : public testing::Test {
 protected:
  SlurmVariables() {
    for (const char* name : {"SLURM_JOB_GPUS", "SLURM_GPUS", "SLURM_GPUS_ON_NODE",
                             "SLURM_GPUS_PER_NODE", "SLURM_GPUS_PER_TASK", "CUDA_VISIBLE_DEVICES"})
      unsetenv(name);
    setenv("SLURM_JOB_ID", "7", 1);
    setenv("SLURM_JOB_NODELIST", "n[1-3]", 1);
    setenv("SLURM_JOB_CPUS_PER_NODE", "4(x2),2", 1);
    setenv("PATH", "/nonexistent", 1);  // no scontrol
  }
};

TEST_F(SlurmVariables, GiveNodesWithTheirCores) {
  EXPECT_EQ(places(slurm_allocation().value()), "n1:4,n2:4,n3:2");
}

TEST_F(SlurmVariables, GiveEveryNodeThisNodesGpusWhereScontrolIsMissing) {
  setenv("SLURM_GPUS_ON_NODE", "2", 1);
  EXPECT_EQ(places(slurm_allocation().value()), "n1:2,n2:2,n3:2");

  setenv("SLURM_GPUS_PER_NODE", "a100:3", 1);
  EXPECT_EQ(places(slurm_allocation().value()), "n1:3,n2:3,n3:3");
}

TEST_F(SlurmVariables, AreNotTrustedWhenTheyContradictEachOther) {
  setenv("SLURM_JOB_CPUS_PER_NODE", "4(x2)", 1);
  EXPECT_FALSE(slurm_allocation().has_value());
}

TEST_F(SlurmVariables, AreMissingOutsideOfAJob) {
  unsetenv("SLURM_JOB_ID");
  EXPECT_FALSE(slurm_allocation().has_value());
}

}  // namespace
}  // namespace sweep
