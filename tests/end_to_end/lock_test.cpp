/// Two runs and one folder, also from two hosts. The other host is this machine under another name.
#include <csignal>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/end_to_end/scripted_sweep.hpp"
#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

/// A command as it runs on a host of the name `elsewhere`.
std::vector<std::string> elsewhere(const std::vector<std::string>& command) {
  std::vector<std::string> all = {
      "unshare", "--uts", "sh", "-c", R"(hostname elsewhere && exec "$@")", "sh"};
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

/// Why there is no other host, empty if there is.
std::string why_not_elsewhere() {
  const auto ended = run(elsewhere({"hostname"}));
  return ended.exit_code == 0 && ended.out == "elsewhere\n" ? "" : ended.err;
}

class Lock : public testing::Test {
 protected:
  static bool has_recorded(const SweepFolder& sweep) {
    return wait_until([&sweep] {
      return std::filesystem::exists(sweep.output() + "/status.json") && sweep.num_recorded() > 0;
    });
  }

  /// Leaves what a run leaves whose host dies.
  void let_a_host_die() const {
    const Program victim(elsewhere(sweep_.run_command({"--ranks", "1"})));
    ASSERT_TRUE(has_recorded(sweep_));
    victim.kill_all();
  }

  SweepFolder sweep_{scripted("{sleep_ms: 100}")};
  // Half a minute, longer than a second run waits for the first one to end.
  SweepFolder long_sweep_{scripted("{sleep_ms: 1500}")};
};

TEST_F(Lock, RefusesARunFromAnotherHostAndNamesTheHolder) {
  if (const auto reason = why_not_elsewhere(); !reason.empty()) GTEST_SKIP() << reason;
  const Program holder(elsewhere(long_sweep_.run_command({"--ranks", "1"})));
  ASSERT_TRUE(has_recorded(long_sweep_));

  const auto second = run(long_sweep_.run_command({"--ranks", "1"}));

  EXPECT_EQ(second.exit_code, 4);
  EXPECT_TRUE(contains(second.err, " on elsewhere, since ")) << second.err;
}

TEST_F(Lock, IsNotTakenOverFromARunThatTheKernelKnowsAlive) {
  const Program holder(long_sweep_.run_command({"--ranks", "1"}));
  ASSERT_TRUE(has_recorded(long_sweep_));

  const auto second = run(long_sweep_.run_command({"--ranks", "1", "--take-over"}));

  EXPECT_EQ(second.exit_code, 4);
  EXPECT_TRUE(contains(second.err, "is in use (process ")) << second.err;
}

TEST_F(Lock, OfADeadHostIsTakenOverOnceItsHeartStandsStill) {
  if (const auto reason = why_not_elsewhere(); !reason.empty()) GTEST_SKIP() << reason;
  let_a_host_die();

  const auto ended = run(sweep_.run_command({"--ranks", "2"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.err, "taking over from a run that died (process ")) << ended.err;
  EXPECT_EQ(sweep_.num_recorded(), 24U) << "nothing is trained twice";
}

TEST_F(Lock, OfADeadHostIsTakenOverWhenAPersonSaysSo) {
  if (const auto reason = why_not_elsewhere(); !reason.empty()) GTEST_SKIP() << reason;
  let_a_host_die();

  const auto ended = run(sweep_.run_command({"--ranks", "2", "--take-over"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.err, " on elsewhere, since ")) << ended.err;
  EXPECT_EQ(sweep_.num_recorded(), 24U);
}

TEST_F(Lock, IsWaitedForIfPeopleWantItSo) {
  Program first(long_sweep_.run_command({"--ranks", "1"}));
  ASSERT_TRUE(has_recorded(long_sweep_));
  const auto said = long_sweep_.output() + ".said";
  std::vector<std::string> command = {"sh", "-c", R"(said=$1; shift; exec "$@" 2> "$said")", "sh",
                                      said};
  const auto rest = long_sweep_.run_command({"--ranks", "4", "--if-busy", "wait"});
  command.insert(command.end(), rest.begin(), rest.end());

  Program second(command);
  ASSERT_TRUE(wait_until([&] { return contains(read_bytes(said), "waiting until "); }));
  first.signal(SIGTERM);

  EXPECT_EQ(first.wait().exit_code, 143);
  EXPECT_EQ(second.wait().exit_code, 0) << read_bytes(said);
  const auto text = read_bytes(said);
  EXPECT_TRUE(contains(text, "out is free (process ")) << text;
  EXPECT_EQ(text.find("waiting until "), text.rfind("waiting until ")) << "it is told once";
  EXPECT_TRUE(contains(text, "continuing ")) << text;
  EXPECT_EQ(long_sweep_.num_recorded(), 24U) << "nothing is trained twice";
}

TEST_F(Lock, IsWaitedForUntilASignalComes) {
  const Program holder(long_sweep_.run_command({"--ranks", "1"}));
  ASSERT_TRUE(has_recorded(long_sweep_));
  for (const int signal : {SIGINT, SIGTERM}) {
    Program second(long_sweep_.run_command({"--ranks", "2", "--if-busy", "wait"}));
    // The trainer of a rank, not that of the supervisor: from then on it is rank 0 that waits.
    ASSERT_TRUE(wait_until([&] {
      const auto mpirun = find_descendant(second.process(), "mpirun");
      return mpirun != 0 && find_descendant(mpirun, "scripted_trainer") != 0;
    }));

    second.signal(signal);
    const auto stopped = second.wait();

    EXPECT_EQ(stopped.exit_code, signal == SIGTERM ? 143 : 130);
    EXPECT_TRUE(contains(stopped.err, "is still in use (process ")) << stopped.err;
  }
}

TEST_F(Lock, EndsARunThatAnotherHostHasTakenOver) {
  Program robbed(long_sweep_.run_command({"--ranks", "2"}));
  ASSERT_TRUE(has_recorded(long_sweep_));

  // As a run on another host does that does not see our kernel's lock.
  std::ofstream(long_sweep_.output() + "/lock")
      << R"({"host":"elsewhere","process":1,"since":"today","beats":1})";
  const auto ended = robbed.wait();

  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_TRUE(contains(ended.err, "another run took ")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "process 1 on elsewhere")) << ended.err;
}

}  // namespace
}  // namespace end_to_end
