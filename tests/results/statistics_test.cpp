#include "results/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace results {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Summarize, GivesMeanAndCount) {
  const auto summary = summarize(std::vector{1.0, 2.0, 6.0});

  EXPECT_EQ(summary.count, 3);
  EXPECT_DOUBLE_EQ(summary.mean, 3.0);
}

TEST(Summarize, MultipliesTheStandardErrorByTheTabulatedT) {
  // n values of which half are -1 and half are 1: s = sqrt(n / (n - 1)). The column "two-sided
  // 95 %" of a printed t table, three decimals, for n - 1 degrees of freedom.
  const std::vector<std::pair<int, double>> table = {{2, 12.706}, {4, 3.182},  {6, 2.571},
                                                     {10, 2.262}, {20, 2.093}, {30, 2.045}};
  for (const auto& [n, t] : table) {
    std::vector<double> values(static_cast<std::size_t>(n), 1);
    std::fill(values.begin(), values.begin() + n / 2, -1);
    const double s = std::sqrt(n / (n - 1.0));

    EXPECT_NEAR(summarize(values).half_width / (s / std::sqrt(n)), t, 0.0005) << "n = " << n;
  }
}

TEST(Summarize, LeavesOutNans) {
  const auto summary = summarize(std::vector{kNan, 1.0, kNan, 3.0});

  EXPECT_EQ(summary.count, 2);
  EXPECT_DOUBLE_EQ(summary.mean, 2.0);
  EXPECT_NEAR(summary.half_width, 12.706, 0.0005);  // s / sqrt(2) = 1
}

TEST(Summarize, HasNoIntervalForOneValue) {
  const auto summary = summarize(std::vector{5.0});

  EXPECT_EQ(summary.mean, 5.0);
  EXPECT_TRUE(std::isnan(summary.half_width));
}

TEST(Summarize, HasNoMeanWithoutNumbers) {
  const auto summary = summarize(std::vector{kNan});

  EXPECT_EQ(summary.count, 0);
  EXPECT_TRUE(std::isnan(summary.mean));
  EXPECT_TRUE(std::isnan(summary.half_width));
}

TEST(Summarize, HasAZeroIntervalForEqualValues) {
  EXPECT_EQ(summarize(std::vector{0.1, 0.1, 0.1, 0.1}).half_width, 0.0);
}

TEST(Summarize, KeepsDigitsOfValuesThatHardlyDiffer) {
  // Around 1e9 the squares have no digits left for differences of 1: s = 1, t(2) = 4.303.
  const auto summary = summarize(std::vector{1e9 - 1, 1e9, 1e9 + 1});

  EXPECT_NEAR(summary.half_width, 4.303 / std::sqrt(3.0), 0.0005);
}

}  // namespace
}  // namespace results
