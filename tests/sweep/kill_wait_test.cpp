#include "sweep/slurm/kill_wait.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace sweep {
namespace {

TEST(KillWait, IsReadFromSlurmsConfig) {
  const auto kill_wait_s = parse_kill_wait_s(
      "Configuration data as of 2026-01-31T14:02:11\nKillOnBadExit           = 0\n"
      "KillWait                = 30 sec\nLaunchParameters        = (null)\n");

  EXPECT_EQ(kill_wait_s, 30);
}

TEST(KillWait, IsUnknownWhereTheConfigDoesNotTell) {
  EXPECT_FALSE(parse_kill_wait_s("").has_value());
  EXPECT_FALSE(parse_kill_wait_s("KillWait = UNLIMITED\nWait = 30 sec\n").has_value());
}

TEST(KillWait, IsUnknownOutsideOfAJobAndWithoutScontrol) {
  setenv("SLURM_JOB_ID", "7", 1);
  setenv("PATH", "/nonexistent", 1);

  EXPECT_FALSE(slurm_kill_wait_s().has_value());
}

}  // namespace
}  // namespace sweep
