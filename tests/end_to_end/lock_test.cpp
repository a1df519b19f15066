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
