#include "sweep/status_file.hpp"

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

results::Workers workers(int count) {
  results::Workers workers;
  for (int rank = 0; rank < count; ++rank) {
    workers.push_back(
        {.info = {.rank = rank, .host = "node1", .device = "cpu"}, .busy_s = 3, .allocated_s = 4});
  }
  return workers;
}

TEST(StatusFile, HasEachWorkerIfTheyAreFew) {
  const TemporaryFolder folder;
  SweepStatus status{.name = "a", .state = "running"};
  put_workers(status, workers(4));

  write_status(folder.path(), status);
  const auto read = read_status(folder.path());

  ASSERT_TRUE(read);
  ASSERT_EQ(read->workers.size(), 4U);
  EXPECT_EQ(read->workers[3].info.rank, 3);
  EXPECT_EQ(read->workers[3].busy_s, 3);
  EXPECT_EQ(read->use.mean, 0.75);
}

TEST(StatusFile, HasOnlyTheSumOfManyWorkers) {
  SweepStatus status;
  put_workers(status, workers(10'000));

  EXPECT_TRUE(status.workers.empty());
  EXPECT_EQ(status.use.num_workers, 10'000);
  EXPECT_EQ(status.use.least, 0.75);
}

TEST(StatusFile, HasWhatIsHeldBackAndTheSlurmJobs) {
  const TemporaryFolder folder;
  SweepStatus status{.name = "a", .state = "running", .job_end = "2026-01-02T03:04:05Z"};
  status.held_back = {.num_packs = 3, .num_trials = 12, .shortest_s = 80, .left_s = 45};
  status.slurm_jobs = {{.id = "4711", .num_restarts = 2, .nodes = "n[1-2]"}};

  write_status(folder.path(), status);
  const auto read = read_status(folder.path());

  ASSERT_TRUE(read);
  EXPECT_EQ(read->job_end, "2026-01-02T03:04:05Z");
  EXPECT_EQ(read->held_back.num_packs, 3U);
  EXPECT_EQ(read->held_back.num_trials, 12U);
  EXPECT_EQ(read->held_back.shortest_s, 80);
  EXPECT_EQ(read->held_back.left_s, 45);
  ASSERT_EQ(read->slurm_jobs.size(), 1U);
  EXPECT_EQ(read->slurm_jobs[0].id, "4711");
  EXPECT_EQ(read->slurm_jobs[0].num_restarts, 2);
}

TEST(StatusFile, OfAnOlderVersionKnowsNoWorkers) {
  const TemporaryFolder folder;
  folder.write("status.json",
               R"({"name":"a","state":"finished","host":"h","process":1,"ranks":2,"started":"",)"
               R"("updated":"","journal_bytes":5,"total":3,"finished":3,"diverged":0,"failed":0,)"
               R"("packs_training":0,"left_s":0,"left_uncertainty_s":0,"failed_trials":[]})");

  const auto read = read_status(folder.path());

  ASSERT_TRUE(read);
  EXPECT_EQ(read->counts.finished, 3U);
  EXPECT_EQ(read->use.num_workers, 0);
  EXPECT_EQ(read->held_back.num_packs, 0U);
}

}  // namespace
}  // namespace sweep
