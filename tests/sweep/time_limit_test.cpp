#include "sweep/time_limit.hpp"

#include <gtest/gtest.h>

namespace sweep {
namespace {

std::optional<double> never_asked() {
  ADD_FAILURE() << "the command line says it all";
  return std::nullopt;
}

std::optional<double> no_end() {
  return std::nullopt;
}

TEST(Time, IsReadInEveryFormatOfSlurm) {
  EXPECT_EQ(parse_time("90"), 90 * 60);
  EXPECT_EQ(parse_time("1:30"), 90);
  EXPECT_EQ(parse_time("04:00:00"), 4 * 3600);
  EXPECT_EQ(parse_time("1:02:03"), 3723);
  EXPECT_EQ(parse_time("2-12"), (2 * 24 + 12) * 3600);
  EXPECT_EQ(parse_time("2-12:30"), (2 * 24 + 12.5) * 3600);
  EXPECT_EQ(parse_time("1-02:03:04"), 24 * 3600 + 2 * 3600 + 3 * 60 + 4);
  EXPECT_EQ(parse_time("0"), 0);
}

TEST(Time, IsNoOtherText) {
  for (const auto* text :
       {"",      "-",         ":",   "x",           "5m",        "1.5",    " 5",   "5 ",
        "+5",    "-5",        "1-",  "-1:00",       "1:",        ":30",    "1::2", "1:2:3:4",
        "1-2-3", "1-2:3:4:5", "1e3", "99999999999", "UNLIMITED", "INVALID"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(EndOfJob, IsTheEarliestThatIsKnown) {
  const auto slurm = [] { return std::optional(1500.0); };

  EXPECT_EQ(end_of_job({}, 1000, slurm), 1500);
  EXPECT_EQ(end_of_job({.limit_s = 400}, 1000, slurm), 1400);
  EXPECT_EQ(end_of_job({.limit_s = 600}, 1000, slurm), 1500);
  EXPECT_EQ(end_of_job({.limit_s = 600}, 1000, no_end), 1600);
  EXPECT_EQ(end_of_job({}, 1000, no_end), std::nullopt);
}

TEST(EndOfJob, IsNotAskedForWhereTheCommandLineNamesIt) {
  EXPECT_EQ(end_of_job({.end_s = 1200}, 1000, never_asked), 1200);
  EXPECT_EQ(end_of_job({.limit_s = 100, .end_s = 1200}, 1000, never_asked), 1100);
  EXPECT_EQ(end_of_job({.end_s = 0}, 1000, never_asked), std::nullopt) << "0: never";
  EXPECT_EQ(end_of_job({.limit_s = 100, .end_s = 0}, 1000, never_asked), 1100);
}

}  // namespace
}  // namespace sweep
