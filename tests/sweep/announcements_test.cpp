#include "sweep/announcements.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace sweep {
namespace {

using Workers = std::map<int, Coordinator::WorkerState>;

void add(Workers& workers, const std::string& node, const std::string& device,
         const std::string& gpu) {
  const int rank = static_cast<int>(workers.size());
  Coordinator::WorkerState worker;
  worker.total.info = {.rank = rank, .host = node, .device = device, .gpu = gpu};
  worker.is_ready = true;
  workers[rank] = worker;
}

TEST(DescribeWorkers, NeedsOneLineForOneNode) {
  Workers workers;
  add(workers, "node1", "AMD EPYC", "");
  add(workers, "node1", "AMD EPYC", "");

  EXPECT_EQ(describe_workers(workers, "out/a"), "2 ranks on node1: 2 × AMD EPYC   output: out/a\n");
}

TEST(DescribeWorkers, NamesTheGpusAndWhetherTheyAreShared) {
  Workers workers;
  for (const char* gpu : {"0", "1", "3"})
    add(workers, "n1", "H100", gpu);
  EXPECT_EQ(describe_workers(workers, "o"), "3 ranks on n1: 3 × H100 (GPU 0-1,3)   output: o\n");

  add(workers, "n1", "H100", "0");
  EXPECT_EQ(describe_workers(workers, "o"),
            "4 ranks on n1: 4 × H100 (GPU 0-1,3, shared)   output: o\n");
}

TEST(DescribeWorkers, GroupsNodesThatAreAlike) {
  Workers workers;
  for (const char* node : {"n1", "n2", "n3"}) {
    for (const char* gpu : {"0", "1"})
      add(workers, node, "H100", gpu);
  }
  EXPECT_EQ(describe_workers(workers, "o"),
            "6 ranks on n[1-3]: 2 × H100 (GPU 0-1) on each   output: o\n");

  add(workers, "n4", "A100", "2");
  EXPECT_EQ(describe_workers(workers, "o"),
            "7 ranks on 4 nodes   output: o\n"
            "  n[1-3]: 2 × H100 (GPU 0-1) on each\n"
            "  n4: A100 (GPU 2)\n");
}

TEST(DescribeWorkers, NeedsFewLinesForThousandsOfRanks) {
  Workers workers;
  for (int i = 0; i < 4000; ++i)
    add(workers, "n" + std::to_string(i), "H100", std::to_string(i % 100));  // a hundred kinds

  const auto text = describe_workers(workers, "o");

  EXPECT_LE(std::ranges::count(text, '\n'), 8);
  EXPECT_NE(text.find("  ... and 94 more kinds of nodes"), std::string::npos) << text;
}

}  // namespace
}  // namespace sweep
