#include "sweep/progress.hpp"

#include <cmath>
#include <sstream>

#include <gtest/gtest.h>

namespace sweep {
namespace {

TEST(TimeEstimate, KnowsNothingBeforeTheFirstTrial) {
  EXPECT_LT(TimeEstimate().left(10, 0, 5).seconds, 0);
}

TEST(TimeEstimate, CountsWorkUnderWay) {
  TimeEstimate estimate;
  estimate.add(1);

  // 1 trial and half of another in 3 s: 2 s a trial; 4 are left of which half a trial is done.
  EXPECT_DOUBLE_EQ(estimate.left(3, 0.5, 4).seconds, 7);
}

TEST(TimeEstimate, IsSureWhenAllTrialsTookTheSameTime) {
  TimeEstimate estimate;
  for (int i = 0; i < 4; ++i)
    estimate.add(2);

  EXPECT_DOUBLE_EQ(estimate.left(8, 0, 4).uncertainty, 0);
}

TEST(TimeEstimate, IsUnsureWhenTrialsVary) {
  TimeEstimate estimate;
  estimate.add(1);
  estimate.add(3);

  // Mean 2, standard deviation 1; 2 trials in 4 s and 2 left: 4 s +- 1.96 / 2 sqrt(1/2 + 1/2) 4 s.
  EXPECT_NEAR(estimate.left(4, 0, 2).uncertainty, 1.96 / 2 * 4, 1e-12);
}

TEST(TimeEstimate, IsZeroAtTheEnd) {
  EXPECT_EQ(TimeEstimate().left(10, 0, 0).seconds, 0);
}

TEST(ProgressLine, ShowsWhatPeopleAskFor) {
  const ProgressState state{.total = 40,
                            .ended = 10,
                            .failed = 1,
                            .trials_per_s = 4.0625,
                            .packs_training = 2,
                            .left = {.seconds = 63, .uncertainty = 5}};

  EXPECT_EQ(progress_line(state),
            "[#####---------------] 10/40 trials  1 failed  4.06/s  2 training  left 1:03 ± 0:05");
}

TEST(ProgressPrinter, WritesNoControlCodesOutsideATerminal) {
  std::ostringstream out;
  ProgressPrinter printer(out, /*is_terminal=*/false);

  printer.update({.total = 2, .ended = 1});
  printer.clear();

  EXPECT_EQ(out.str(), "") << "the first line comes after ten seconds";
}

}  // namespace
}  // namespace sweep
