/// Runs whose time is limited, with the study that trains nothing.
#include <csignal>
#include <string>

#include <gtest/gtest.h>

#include "tests/end_to_end/scripted_sweep.hpp"
#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

/// A sweep whose runs stop 6 s before their end: 1 s of grace, and the margin.
std::string limited(const std::string& seconds) {
  return "name: limited\n"
         "trial: {study: noop}\n"
         "grid: {seconds: " +
         seconds +
         ", seed: 0..3}\n"
         "run: {pack_width: 1, grace: 1}\n";
}

nlohmann::json status_of(const SweepFolder& sweep) {
  return nlohmann::json::parse(run({MPISWEEP, "status", sweep.output(), "--json"}).out);
}

bool is_running(const SweepFolder& sweep) {
  return std::filesystem::exists(sweep.output() + "/status.json") &&
         status_of(sweep).at("packs_training") > 0;
}

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  return text.substr(text.rfind('\n', end) + 1);
}

TEST(TimeLimit, HoldsBackWhatDoesNotFitAndTheSameCommandContinues) {
  const SweepFolder sweep(limited("[0.1, 20]"));

  // One of the long ones begins, because nobody knows yet how long it takes.
  const auto stopped = run(sweep.run_command({"--ranks", "2", "--time-limit", "0:22"}));
  const auto status = status_of(sweep);
  const auto text = run({MPISWEEP, "status", sweep.output()}).out;

  EXPECT_EQ(stopped.exit_code, 143);
  EXPECT_EQ(sweep.num_recorded(), 4U) << stopped.err;
  EXPECT_TRUE(contains(stopped.err, "held back   3 packs (3 trials): the shortest takes "))
      << stopped.err;
  EXPECT_EQ(last_line(stopped.err),
            "stopped ahead of the end of the job: 4 of 8 trials finished, 4 left; the same command "
            "continues\n");
  EXPECT_TRUE(contains(read_bytes(sweep.output() + "/log.txt"), "held back   3 packs"));
  EXPECT_EQ(status.at("state"), "stopped");
  EXPECT_EQ(status.at("held_back").at("packs"), 3);
  EXPECT_GE(status.at("held_back").at("shortest_s"), 20.0);
  EXPECT_TRUE(contains(text, "held back   3 packs (3 trials)")) << text;
  EXPECT_TRUE(contains(text, "4 to do, the same command continues")) << text;

  Program undisturbed(sweep.run_command({"--ranks", "4"}, "undisturbed"));
  const auto ended = run(sweep.run_command({"--ranks", "4"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  ASSERT_EQ(undisturbed.wait().exit_code, 0);
  EXPECT_EQ(sweep.data(), sweep.data("undisturbed"));
  EXPECT_EQ(sweep.num_recorded(), 8U) << "nothing is trained twice";
}

TEST(TimeLimit, EndsTheRunAtOnceWhenNothingFits) {
  const SweepFolder sweep(limited("[1]") + "  # no time is left but the grace and the margin\n");

  const auto ended = run(sweep.run_command({"--ranks", "2", "--time-limit", "0:06"}));

  EXPECT_EQ(ended.exit_code, 143);
  EXPECT_EQ(sweep.num_recorded(), 0U);
  EXPECT_TRUE(contains(ended.err, "held back   4 packs (4 trials): nobody knows how long"))
      << ended.err;
  EXPECT_FALSE(contains(ended.err, "finishing the step")) << "nothing is training";
  EXPECT_EQ(last_line(ended.err),
            "stopped ahead of the end of the job: 0 of 4 trials finished, 4 left; the same command "
            "continues\n");
}

TEST(TimeLimit, DoesNotBeginAnewWithAJobThatIsStartedAgain) {
  const SweepFolder sweep(limited("[3600]"));
  Program supervisor(sweep.run_command({"--ranks", "2", "--time-limit", "0:30"}));
  ASSERT_TRUE(wait_until([&] { return is_running(sweep); }));
  const auto first = status_of(sweep);

  kill(first.at("process"), SIGKILL);  // rank 0
  const auto ended = supervisor.wait();
  const auto second = status_of(sweep);

  EXPECT_TRUE(contains(ended.err, "starting it again")) << ended.err;
  EXPECT_EQ(ended.exit_code, 143);
  EXPECT_NE(second.at("process"), first.at("process"));
  EXPECT_EQ(second.at("job_end"), first.at("job_end"));
}

TEST(TimeLimit, IsKnownUnderAnMpirunOfTheUsersToo) {
  const SweepFolder sweep(limited("[1]"));
  auto command = sweep.mpirun_command(2);
  command.insert(command.end(), {"--time-limit", "0:06"});

  const auto ended = run(command);

  EXPECT_EQ(ended.exit_code, 143);
  EXPECT_TRUE(contains(ended.err, "4 left; the same command continues")) << ended.err;
}

TEST(TimeLimit, ThatIsNoTimeIsRefused) {
  const SweepFolder sweep(limited("[1]"));

  for (const auto* text : {"5m", "1:2:3:4", "0", "-5"}) {
    const auto ended = run(sweep.run_command({std::string("--time-limit=") + text}));

    EXPECT_EQ(ended.exit_code, 2) << text;
    EXPECT_TRUE(contains(ended.err, "want minutes, minutes:seconds, hours:minutes:seconds"))
        << ended.err;
  }
  EXPECT_FALSE(std::filesystem::exists(sweep.output()));
}

TEST(TimeLimit, AndJobAreThoseOfSlurm) {
  const SweepFolder sweep(limited("[0]"));
  std::vector<std::string> command = {"env",
                                      "SLURM_JOB_ID=4711",
                                      "SLURM_RESTART_COUNT=1",
                                      "SLURM_CLUSTER_NAME=blue",
                                      "SLURM_JOB_NODELIST=n[1-2]",
                                      "SLURM_JOB_END_TIME=4102444800"};  // 2100-01-01
  const auto rest = sweep.run_command({"--ranks", "1"});
  command.insert(command.end(), rest.begin(), rest.end());

  const auto ended = run(command);
  const auto status = status_of(sweep);

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(status.at("job_end"), "2100-01-01T00:00:00Z");
  ASSERT_EQ(status.at("slurm_jobs").size(), 1U);
  EXPECT_EQ(status.at("slurm_jobs")[0].at("job_id"), "4711");
  EXPECT_EQ(status.at("slurm_jobs")[0].at("restarts"), 1);
  EXPECT_EQ(status.at("slurm_jobs")[0].at("cluster"), "blue");
  EXPECT_TRUE(contains(run({MPISWEEP, "status", sweep.output()}).out,
                       "Slurm job   4711 on n[1-2] (restart 1)"));
}

}  // namespace
}  // namespace end_to_end
