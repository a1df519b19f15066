#include <cstdlib>
#include <map>

#include <gtest/gtest.h>

#include "sweep/clock.hpp"
#include "sweep/slurm/job.hpp"
#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

/// A process in a Slurm job. What squeue answers comes from a script of its name.
class SlurmJobTest : public testing::Test {
 protected:
  SlurmJobTest() {
    for (const char* name :
         {"SLURM_JOB_ID", "SLURM_JOB_END_TIME", "SLURM_RESTART_COUNT", "SLURM_CLUSTER_NAME",
          "SLURM_JOB_NODELIST", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"}) {
      unsetenv(name);
    }
    set("PATH", folder_.path().string() + ":" + path_);
  }
  ~SlurmJobTest() override { set("PATH", path_); }

  static void set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }

  void let_squeue_do(const std::string& commands) {
    folder_.write("squeue", "#!/bin/sh\n" + commands + "\n");
    std::filesystem::permissions(folder_ / "squeue", std::filesystem::perms::owner_all);
  }

  std::string path_ = std::getenv("PATH");
  TemporaryFolder folder_;
};

TEST_F(SlurmJobTest, IsNoneOutsideOfSlurm) {
  let_squeue_do("echo 1:00");

  EXPECT_FALSE(slurm_job());
  EXPECT_FALSE(end_of_slurm_job());
}

TEST_F(SlurmJobTest, IsWhatTheEnvironmentSays) {
  set("SLURM_JOB_ID", "4713");
  set("SLURM_RESTART_COUNT", "2");
  set("SLURM_CLUSTER_NAME", "blue");
  set("SLURM_JOB_NODELIST", "n[1-2]");
  set("SLURM_ARRAY_JOB_ID", "4711");
  set("SLURM_ARRAY_TASK_ID", "3");

  const auto job = slurm_job();

  ASSERT_TRUE(job);
  EXPECT_EQ(job->id, "4713");
  EXPECT_EQ(job->array_task, "4711_3");
  EXPECT_EQ(job->num_restarts, 2);
  EXPECT_EQ(job->cluster, "blue");
  EXPECT_EQ(job->nodes, "n[1-2]");
}

TEST_F(SlurmJobTest, EndsWhenTheEnvironmentSaysSo) {
  set("SLURM_JOB_ID", "4711");
  set("SLURM_JOB_END_TIME", "1700000000");
  let_squeue_do("echo 1:00");

  EXPECT_EQ(end_of_slurm_job(), 1700000000);
}

TEST_F(SlurmJobTest, EndsAfterTheTimeThatSqueueTells) {
  set("SLURM_JOB_ID", "4711");
  let_squeue_do(R"(echo "$@" | grep -q -- "--jobs 4711" && echo 1-00:00:00)");

  const auto before_s = unix_now_s();
  const auto end_s = end_of_slurm_job();
  const auto after_s = unix_now_s();

  ASSERT_TRUE(end_s);
  EXPECT_GE(*end_s, before_s + 86400);
  EXPECT_LE(*end_s, after_s + 86400);
}

TEST_F(SlurmJobTest, HasNoEndThatIsKnownIfSqueueNamesNone) {
  set("SLURM_JOB_ID", "4711");
  EXPECT_FALSE(end_of_slurm_job()) << "there may be no squeue at all";
  let_squeue_do("echo UNLIMITED");
  EXPECT_FALSE(end_of_slurm_job());
  let_squeue_do("echo 1:00; exit 1");
  EXPECT_FALSE(end_of_slurm_job());
}

TEST_F(SlurmJobTest, IsNotWaitedForWithoutEnd) {
  set("SLURM_JOB_ID", "4711");
  let_squeue_do("exec sleep 3600");

  EXPECT_FALSE(end_of_slurm_job());
}

}  // namespace
}  // namespace sweep
