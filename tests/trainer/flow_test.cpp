#include "trainer/gradient_flow/flow.hpp"

#include <array>
#include <cmath>
#include <optional>

#include <gtest/gtest.h>

#include "trainer/gradient_flow/crossings.hpp"
#include "trainer/gradient_flow/euler.hpp"

namespace trainer {
namespace {

constexpr std::array kAllLosses = {FlowLoss::soft, FlowLoss::hard, FlowLoss::lvml};
constexpr FlowTask kEven = {.segments = 20, .classes = 20};
constexpr FlowTask kLarge = {.segments = 100, .classes = 1000};
constexpr FlowTask kSmall = {.segments = 5, .classes = 3};
constexpr double kTolerance = 1e-10;

/// mu, nu and, where it is told, alpha.
struct Cell {
  double mu = 0;
  double nu = 0;
  double alpha = -1;
};

struct Row {
  double time = 0;
  std::array<Cell, 3> cells = {};  // soft, hard, lvml
};

void expect_near(const Gaps& gaps, const Cell& cell, const FlowTask& task, double tolerance) {
  EXPECT_NEAR(gaps.mu, cell.mu, tolerance);
  EXPECT_NEAR(gaps.nu, cell.nu, tolerance);
  if (cell.alpha >= 0) {
    EXPECT_NEAR(focus_of(gaps.nu, task.segments).alpha, cell.alpha, tolerance);
  }
}

void expect_table(const FlowTask& task, const std::vector<Row>& table) {
  std::vector<double> times;
  for (const auto& row : table)
    times.push_back(row.time);
  for (std::size_t loss = 0; loss < kAllLosses.size(); ++loss) {
    const auto states = integrate_flow(kAllLosses[loss], task, times, kTolerance);
    for (std::size_t i = 0; i < table.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "t " << table[i].time << " loss " << loss);
      expect_near(states[i], table[i].cells[loss], task, 1e-4);
    }
  }
}

void expect_crossings(const std::vector<double>& times, const std::vector<double>& expected) {
  ASSERT_EQ(times.size(), expected.size());
  for (std::size_t i = 0; i < times.size(); ++i)
    EXPECT_NEAR(times[i] / expected[i], 1, 1e-3) << times[i] << " is not " << expected[i];
}

const std::vector<Row> kLargeTable = {
    {5e4, {{{0.5223, 0.1348, .0114}, {0.5222, 0.1348, .0114}, {0.7531, 0.2214, .0124}}}},
    {1e5, {{{1.2631, 0.7849, .0217}, {1.2615, 0.7836, .0216}, {9.8314, 7.5819, .9520}}}},
    {1.5e5, {{{9.7551, 8.2658, .9752}, {9.4943, 9.3734, .9917}, {11.1173, 8.8224, .9856}}}},
    {2e5, {{{11.2412, 8.5940, .9820}, {11.0277, 10.7264, .9978}, {11.6680, 9.3653, .9916}}}},
    {4e5, {{{12.6492, 8.8588, .9861}, {12.4681, 12.1112, .9995}, {12.6628, 10.3532, .9969}}}}};

// Expected values in this file: two integrations independent of this code and of each other.
TEST(Flow, HasTheStatesOfTheTableForTwentySegmentsAndClasses) {
  expect_table(
      kEven,
      {{100, {{{0.2522, 0.0287, .0514}, {0.2505, 0.0284, .0514}, {0.2838, 0.0334, .0516}}}},
       {200, {{{0.5189, 0.1211, .0561}, {0.5112, 0.1188, .0560}, {0.6852, 0.1749, .0590}}}},
       {400, {{{1.2032, 0.6405, .0908}, {1.1463, 0.6020, .0877}, {3.2637, 2.5173, .3948}}}},
       {500, {{{1.8092, 1.3951, .1752}, {1.6368, 1.2269, .1522}, {4.5725, 4.1796, .7747}}}},
       {600, {{{3.4305, 3.6393, .6670}, {2.6282, 2.9324, .4970}, {5.2123, 4.9382, .8801}}}},
       {800, {{{5.6280, 5.2334, .9080}, {4.9280, 5.9623, .9534}, {5.9115, 5.7160, .9411}}}},
       {1000, {{{6.3140, 5.5431, .9308}, {5.7568, 6.8121, .9795}, {6.3294, 6.1630, .9615}}}}});
}

TEST(Flow, HasTheStatesOfTheTableForAHundredSegmentsAndAThousandClasses) {
  expect_table(kLarge, kLargeTable);
}

TEST(Flow, HasTheStatesOfTheTableForFiveSegmentsAndThreeClasses) {
  expect_table(kSmall, {{20, {{{1.4288, 0.5129}, {1.1538, 0.4099}, {1.4616, 0.5404}}}},
                        {50, {{{3.7078, 2.3112}, {2.6726, 2.3246}, {3.1237, 2.4503}}}},
                        {100, {{{4.8812, 3.0280}, {4.0159, 4.1464}, {4.2172, 3.8503}}}},
                        {200, {{{5.7195, 3.4306}, {5.0119, 5.2863}, {5.1024, 4.8642}}}}});
}

TEST(Flow, HasTheHighPrecisionEndPoints) {
  struct EndPoint {
    FlowTask task = {};
    Row row = {};
  };
  const std::vector<EndPoint> table = {
      {kEven,
       {1000, {{{6.31401413, 5.54313648}, {5.75675544, 6.81205798}, {6.32937767, 6.16296471}}}}},
      {kSmall,
       {50, {{{3.70784625, 2.31116525}, {2.67255076, 2.32456576}, {3.12368215, 2.45026812}}}}},
      {{.segments = 3, .classes = 4},
       {40, {{{3.24240775, 1.70146546}, {2.57704335, 1.77485358}, {2.96058269, 1.71935753}}}}},
      {kLarge,
       {4e5,
        {{{12.64923865, 8.85882586}, {12.46810844, 12.11119618}, {12.66279476, 10.35321675}}}}}};
  for (const auto& [task, row] : table) {
    for (std::size_t loss = 0; loss < kAllLosses.size(); ++loss) {
      const auto states = integrate_flow(kAllLosses[loss], task, {&row.time, 1}, kTolerance);
      expect_near(states.front(), row.cells[loss], task, 1e-6);
    }
  }
}

TEST(Flow, StartsAtZeroAndRepeatsATimeAskedForTwice) {
  const std::array times = {0.0, 0.0, 100.0, 100.0};

  const auto states = integrate_flow(FlowLoss::hard, kEven, times, kTolerance);

  ASSERT_EQ(states.size(), 4U);
  EXPECT_EQ(states[1].mu, 0);
  EXPECT_EQ(states[1].nu, 0);
  EXPECT_EQ(states[2].mu, states[3].mu);
}

TEST(Crossings, OfScoreGapsAreWhereTheyWereMeasured) {
  using enum FlowLoss;
  constexpr FlowTask kManyClasses = {.segments = 5, .classes = 50};
  expect_crossings(score_gap_crossings(soft, hard, kEven, 1000), {677.916});
  expect_crossings(score_gap_crossings(lvml, hard, kEven, 1000), {745.799});
  expect_crossings(score_gap_crossings(soft, hard, kLarge, 4e5), {133167.2});
  expect_crossings(score_gap_crossings(lvml, hard, kLarge, 4e5), {141100.1});
  expect_crossings(score_gap_crossings(soft, hard, kSmall, 200), {49.61});
  expect_crossings(score_gap_crossings(soft, lvml, kSmall, 200), {27.025, 40.962});
  expect_crossings(score_gap_crossings(lvml, hard, kSmall, 200), {58.03});
  expect_crossings(score_gap_crossings(soft, hard, kManyClasses, 2000), {542.6});
  expect_crossings(score_gap_crossings(soft, lvml, kManyClasses, 2000), {484.7, 1439.87});
  expect_crossings(score_gap_crossings(lvml, hard, kManyClasses, 2000), {495.2});
}

TEST(Crossings, OfSoftAndLvmlDoNotHappenWhereLvmlStaysAhead) {
  EXPECT_TRUE(score_gap_crossings(FlowLoss::soft, FlowLoss::lvml, kEven, 1000).empty());
  EXPECT_TRUE(score_gap_crossings(FlowLoss::soft, FlowLoss::lvml, kLarge, 4e5).empty());
}

TEST(Crossings, OfLogitGapsAreWhereTheyWereMeasured) {
  using enum FlowLoss;
  expect_crossings(logit_gap_crossings(soft, lvml, kSmall, 200), {22.58});
  expect_crossings(logit_gap_crossings(soft, lvml, kEven, 1100), {1021.28});
  EXPECT_TRUE(logit_gap_crossings(soft, hard, kEven, 1000).empty());
  EXPECT_TRUE(logit_gap_crossings(hard, lvml, kEven, 1000).empty());
}

TEST(Crossings, AfterTheEndAreNotTold) {
  EXPECT_TRUE(score_gap_crossings(FlowLoss::soft, FlowLoss::hard, kEven, 677.9).empty());
  EXPECT_EQ(score_gap_crossings(FlowLoss::soft, FlowLoss::hard, kEven, 678).size(), 1U);
}

TEST(TimeOfFocus, IsWhereItWasMeasured) {
  const std::array half = {575.2, 600.5, 418.6};
  const std::array most = {766.1, 706.6, 639.6};
  const std::array half_of_large = {129257.9, 129386.0, 78157.1};
  const std::array most_of_large = {132427.4, 132510.7, 88374.9};
  for (std::size_t i = 0; i < kAllLosses.size(); ++i) {
    const auto loss = kAllLosses[i];
    EXPECT_NEAR(time_of_focus(loss, kEven, 0.5, 1000).value_or(0) / half[i], 1, 1e-3);
    EXPECT_NEAR(time_of_focus(loss, kEven, 0.9, 1000).value_or(0) / most[i], 1, 1e-3);
    EXPECT_NEAR(time_of_focus(loss, kLarge, 0.5, 4e5).value_or(0) / half_of_large[i], 1, 1e-3);
    EXPECT_NEAR(time_of_focus(loss, kLarge, 0.9, 4e5).value_or(0) / most_of_large[i], 1, 1e-3);
  }
}

TEST(TimeOfFocus, IsAbsentWhereTheFlowEndsBefore) {
  EXPECT_EQ(time_of_focus(FlowLoss::soft, kEven, 0.5, 500), std::nullopt);
}

TEST(TimeOfFocus, IsTheStartWhereTheFocusHasItAlready) {
  EXPECT_EQ(time_of_focus(FlowLoss::soft, {.segments = 2, .classes = 5}, 0.5, 10), 0);
}

Gaps by_euler(FlowLoss loss, const FlowTask& task, double time, const EulerOptions& options = {}) {
  const auto states = integrate_by_euler(loss, task, {&time, 1}, options);
  return states.value().front();
}

TEST(Euler, HasThePublishedSchemesErrors) {
  const std::array<Cell, 3> even = {
      {{6.31399307, 5.54314939}, {5.75673584, 6.81204323}, {6.32937548, 6.16296089}}};
  const std::array<Cell, 3> small = {
      {{3.70784036, 2.31107452}, {2.67240261, 2.32417476}, {3.12365243, 2.45004875}}};
  for (std::size_t i = 0; i < kAllLosses.size(); ++i) {
    expect_near(by_euler(kAllLosses[i], kEven, 1000), even[i], kEven, 1e-7);
    expect_near(by_euler(kAllLosses[i], kSmall, 50), small[i], kSmall, 1e-7);
  }
}

// 4e7 steps, a second or two for each loss.
TEST(Euler, HasTheTableOfThePublishedFigures) {
  const std::array times = {5e4, 1e5, 1.5e5, 2e5, 4e5};
  for (std::size_t loss = 0; loss < kAllLosses.size(); ++loss) {
    const auto states = integrate_by_euler(kAllLosses[loss], kLarge, times, {}).value();
    for (std::size_t i = 0; i < times.size(); ++i)
      expect_near(states[i], kLargeTable[i].cells[loss], kLarge, 1e-4);
  }
}

// By hand, m = C = 2, step 1, hard: mu' = alpha / (e^mu + 1), nu' = alpha (1-alpha) log(2 beta)
// / 2. First step from (0, 0): mu = 0.5 / 2 = 0.25, nu = 0. Second: alpha is still 0.5, so mu =
// 0.25 + 0.5 / (e^0.25 + 1), nu = 0.125 log(2 e^0.25 / (e^0.25 + 1)).
TEST(Euler, UpdatesBothGapsFromTheOldState) {
  const auto gaps = by_euler(FlowLoss::hard, {.segments = 2, .classes = 2}, 2, {.step = 1});

  EXPECT_NEAR(gaps.mu, 0.25 + 0.5 / (std::exp(0.25) + 1), 1e-15);
  EXPECT_NEAR(gaps.nu, 0.125 * std::log(2 * std::exp(0.25) / (std::exp(0.25) + 1)), 1e-15);
}

// Expected: the closed form 5.6804184794 at C = 20, alpha = 1, t = 400.
TEST(Euler, KeepsAFixedFocus) {
  const auto gaps = by_euler(FlowLoss::lvml, kEven, 400, {.alpha = 1});

  EXPECT_NEAR(gaps.mu, 5.6804184794, 1e-3);
  EXPECT_EQ(gaps.nu, 0);
}

TEST(Euler, EndsWithoutAResultWhenToldToStop) {
  const std::array times = {1e12};  // 1e14 steps: it would not end otherwise
  int num_questions = 0;

  const auto states =
      integrate_by_euler(FlowLoss::soft, kEven, times,
                         {.should_stop = [&](std::size_t) { return ++num_questions > 2; }});

  EXPECT_FALSE(states.has_value());
  EXPECT_EQ(num_questions, 3);
}

}  // namespace
}  // namespace trainer
