#include "trainer/gradient_flow/joint_curve.hpp"

#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

#include "trainer/gradient_flow/flow.hpp"

namespace trainer {
namespace {

/// Li2(-x) for x > 0. The series converges from x/(1+x) <= 1/2 (Landen); above 1 by inversion.
double dilogarithm_of_minus(double x) {
  if (x > 1) {
    const auto log_x = std::log(x);
    return -std::numbers::pi * std::numbers::pi / 6 - log_x * log_x / 2 -
           dilogarithm_of_minus(1 / x);
  }
  const auto y = x / (1 + x);
  double sum = 0;
  for (int n = 1; n < 80; ++n)
    sum += std::pow(y, n) / (n * n);
  return -sum - std::log1p(x) * std::log1p(x) / 2;
}

/// The side of hard attention by antiderivatives, (1/C) {[F g] - k [log(e^u + k)] - k^2 [J]}.
double hard_side_in_closed_form(double C, double mu) {
  const auto k = C - 1;
  const auto antiderivative = [&](double u) {
    const auto F = std::exp(u) + k * u;
    const auto g = std::log(C) + u - std::log(std::exp(u) + k);
    const auto J =
        (u * u / 2 - u * std::log1p(std::exp(u) / k) - dilogarithm_of_minus(std::exp(u) / k)) / k;
    return F * g - k * std::log(std::exp(u) + k) - k * k * J;
  };
  return (antiderivative(mu) - antiderivative(0)) / C;
}

struct Row {
  double classes = 0;
  double mu = 0;
  double soft = 0;
  double lvml = 0;
  double hard = 0;
};

void expect_ratio(double value, double expected, double tolerance) {
  EXPECT_NEAR(value / expected, 1, tolerance) << value << " is not " << expected;
}

// Expected: formulas evaluated apart from this code, to ten digits.
TEST(LogitSide, HasTheValuesOfTheTable) {
  const std::vector<Row> table = {{20, 0.001, 4.75e-07, 4.748575396e-07, 4.750079205e-07},
                                  {20, 0.5, 0.11875, 0.1032081807, 0.1200193846},
                                  {20, 1, 0.475, 0.3661295825, 0.4881572698},
                                  {20, 3, 4.275, 2.613995833, 5.355298462},
                                  {20, 6, 17.1, 23.34510476, 68.09060256},
                                  {3, 0.5, 0.08333333333, 0.08039613114, 0.08904529893},
                                  {3, 3, 3, 4.485580236, 6.693199138},
                                  {1000, 12, 71.928, 173.5570668, 1175.527282}};
  for (const auto& row : table) {
    expect_ratio(logit_side(FlowLoss::soft, row.classes, row.mu), row.soft, 1e-8);
    expect_ratio(logit_side(FlowLoss::lvml, row.classes, row.mu), row.lvml, 1e-8);
    expect_ratio(logit_side(FlowLoss::hard, row.classes, row.mu), row.hard, 1e-8);
  }
}

TEST(LogitSide, OfHardAttentionAgreesWithItsClosedForm) {
  for (const double classes : {2.0, 3.0, 20.0, 1000.0}) {
    for (const double mu : {0.5, 1.0, 3.0, 6.0, 12.0, 20.0}) {
      expect_ratio(logit_side(FlowLoss::hard, classes, mu), hard_side_in_closed_form(classes, mu),
                   1e-9);
    }
  }
}

// R ~ (k/2C) mu^2; the next term is smaller by a factor of order mu.
TEST(LogitSide, IsTheSameForAllLossesNearTheStart) {
  for (const double mu : {1e-9, 1e-6, 1e-4, 1e-3}) {
    for (const auto loss : {FlowLoss::soft, FlowLoss::hard, FlowLoss::lvml}) {
      expect_ratio(logit_side(loss, 20, mu), 19.0 / 40 * mu * mu, mu + 1e-14);
    }
  }
}

// Expected: the bracket of lvml as it stands, in a wider type.
TEST(LogitSide, OfLvmlIsPreciseOnBothSidesOfItsSeries) {
  for (const double mu : {0.0099, 0.0101, 0.3}) {
    const long double u = mu;
    const auto bracket = std::exp(u) - 1 + 18 * u - 19 * (1 - std::exp(-u));

    expect_ratio(logit_side(FlowLoss::lvml, 20, mu), static_cast<double>(19 * bracket / 400),
                 1e-13);
  }
}

TEST(LogitSide, IsZeroAtTheStart) {
  for (const auto loss : {FlowLoss::soft, FlowLoss::hard, FlowLoss::lvml})
    EXPECT_EQ(logit_side(loss, 20, 0), 0);
}

class JointCurve : public testing::TestWithParam<FlowTask> {};

INSTANTIATE_TEST_SUITE_P(Tasks, JointCurve,
                         testing::Values(FlowTask{3, 4}, FlowTask{20, 20}, FlowTask{100, 1000},
                                         FlowTask{5, 3}));

TEST_P(JointCurve, IsWhereTheFlowMoves) {
  const auto task = GetParam();
  std::vector<double> times;
  for (int i = 0; i < 100; ++i)
    times.push_back(std::pow(10, -1 + 6.6 * i / 99));  // 0.1 .. 4e5
  for (const auto loss : {FlowLoss::soft, FlowLoss::hard, FlowLoss::lvml}) {
    for (const auto& [mu, nu] : integrate_flow(loss, task, times, 1e-10)) {
      expect_ratio(score_side(task.segments, nu), logit_side(loss, task.classes, mu), 1e-8);
      expect_ratio(score_gap_on_curve(loss, task, mu), nu, 1e-8);
    }
  }
}

}  // namespace
}  // namespace trainer
