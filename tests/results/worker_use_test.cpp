#include "results/worker_use.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace results {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

EndRecord::Worker worker(int rank, double busy_s, double allocated_s) {
  return {.info = {.rank = rank, .host = "node1", .device = "cpu"},
          .busy_s = busy_s,
          .allocated_s = allocated_s,
          .packs = 2,
          .trials = 10};
}

TEST(WorkerUse, IsBusyTimeByAllocatedTime) {
  EXPECT_DOUBLE_EQ(utilization(worker(0, 3, 4)), 0.75);
  EXPECT_TRUE(std::isnan(utilization(worker(0, 3, kNan))));
  EXPECT_TRUE(std::isnan(utilization(worker(0, 0, 0)))) << "it was never ready";
}

TEST(WorkerUse, OfSeveralIsThatOfAllTheirTime) {
  const auto use = use_of({worker(0, 9, 10), worker(1, 1, 2), worker(2, 5, kNan)});

  EXPECT_EQ(use.num_workers, 2);
  EXPECT_DOUBLE_EQ(use.mean, 10.0 / 12);
  EXPECT_DOUBLE_EQ(use.least, 0.5);
  EXPECT_DOUBLE_EQ(use.most, 0.9);
  EXPECT_EQ(describe_use(use), "2 workers, 83 % busy (50 to 90 %)");
}

TEST(WorkerUse, SaysNothingWhereNothingIsKnown) {
  EXPECT_EQ(describe_use(use_of({})), "");
  EXPECT_EQ(describe_use(use_of({worker(0, 3, kNan)})), "");
}

TEST(WorkerUse, SumsAWorkerOverItsSessions) {
  const auto workers = sum_of_workers({{.workers = {worker(0, 1, 2), worker(1, 3, 4)}},
                                       {.workers = {worker(0, 2, 2)}},
                                       {.workers = {worker(1, 1, kNan)}}});

  ASSERT_EQ(workers.size(), 2U);
  EXPECT_DOUBLE_EQ(workers[0].busy_s, 3);
  EXPECT_DOUBLE_EQ(workers[0].allocated_s, 4);
  EXPECT_EQ(workers[0].trials, 20);
  EXPECT_TRUE(std::isnan(workers[1].allocated_s)) << "one of them did not tell";
}

TEST(WorkerUse, HasALineForEachWorker) {
  EXPECT_EQ(to_text({worker(0, 9.5, 10), worker(12, 3, kNan)}),
            "rank  host   device    packs    trials     busy_s  allocated_s   busy\n"
            "   0  node1  cpu           2        10        9.5         10.0   95 %\n"
            "  12  node1  cpu           2        10        3.0          nan      ?\n");
}

TEST(WorkerUse, TellsGpusOfAHostApart) {
  auto first = worker(0, 1, 2);
  first.info.gpu = "2";
  auto second = worker(0, 3, 4);
  second.info.gpu = "5";

  EXPECT_EQ(sum_of_workers({{.workers = {first}}, {.workers = {second}}}).size(), 2U);
  EXPECT_NE(to_text({first}).find("  cpu (GPU 2)  "), std::string::npos) << to_text({first});
}

TEST(WorkerUse, ComesBackFromJson) {
  auto told = worker(3, 1.5, kNan);
  told.info.gpu = "GPU-7f";
  const auto same = worker_from_json(to_json(told));
  EXPECT_EQ(same.info.gpu, "GPU-7f");
  EXPECT_EQ(same.info.rank, 3);
  EXPECT_EQ(same.busy_s, 1.5);
  EXPECT_TRUE(std::isnan(same.allocated_s));

  const auto use = use_from_json(to_json(use_of({worker(0, 3, 4)})));
  EXPECT_EQ(use.num_workers, 1);
  EXPECT_EQ(use.mean, 0.75);
}

}  // namespace
}  // namespace results
