#include "sweep/command_output.hpp"

#include <gtest/gtest.h>

namespace sweep {
namespace {

using std::chrono::seconds;

TEST(OutputOf, IsWhatTheProgramPrints) {
  EXPECT_EQ(output_of({"sh", "-c", "echo one; echo no >&2; echo two"}, seconds(60)), "one\ntwo\n");
}

TEST(OutputOf, IsNothingWhenTheProgramFailsOrIsMissing) {
  EXPECT_FALSE(output_of({"sh", "-c", "echo one; exit 3"}, seconds(60)).has_value());
  EXPECT_FALSE(output_of({"/nonexistent/program"}, seconds(60)).has_value());
}

TEST(OutputOf, IsNothingWhenTheProgramDoesNotEnd) {
  EXPECT_FALSE(output_of({"sleep", "600"}, std::chrono::milliseconds(50)).has_value());
  EXPECT_FALSE(
      output_of({"sh", "-c", "exec >&-; sleep 600"}, std::chrono::milliseconds(300)).has_value())
      << "one that has closed its output";
}

TEST(OutputOf, IsNothingWhenItHasNoEnd) {
  EXPECT_FALSE(output_of({"yes"}, seconds(60)).has_value());
}

}  // namespace
}  // namespace sweep
