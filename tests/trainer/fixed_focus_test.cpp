#include "trainer/gradient_flow/fixed_focus.hpp"

#include <array>
#include <cmath>
#include <random>

#include <boost/math/special_functions/lambert_w.hpp>
#include <gtest/gtest.h>

namespace trainer {
namespace {

constexpr std::array kAllLosses = {FlowLoss::soft, FlowLoss::hard, FlowLoss::lvml};
constexpr std::array kAlphas = {0.2, 0.4, 0.6, 0.8, 1.0};

FocusSplit split(double alpha) {
  return {.alpha = alpha, .rest = 1 - alpha};
}

/// mu, pull and training loss of soft, hard, lvml at t = 400 with 20 classes.
struct Row {
  double alpha = 0;
  std::array<double, 3> mu = {};
  std::array<double, 3> pull = {};
  std::array<double, 3> loss = {};
};

// Expected: formulas evaluated apart from this code, checked against the integrated equations.
const std::vector<Row> kTable = {{0.2,
                                  {3.8996524626, 3.0976208999, 5.0863113991},
                                  {3.498053688, 2.376245829, 3.858350359},
                                  {2.273189199, 2.520483108, 1.518768631}},
                                 {0.6,
                                  {6.9708930299, 4.9854927691, 5.5869453275},
                                  {1.566829727, 2.873610433, 1.523020348},
                                  {0.254592207, 1.271566014, 0.544505526}},
                                 {1.0,
                                  {5.6804184794, 5.6804184794, 5.6804184794},
                                  {0.345843056, 2.932916666, 0.946758476},
                                  {0.062815608, 0.062815608, 0.062815608}}};

TEST(FixedFocus, HasTheLogitGapPullAndLossOfTheTable) {
  for (const auto& row : kTable) {
    for (std::size_t i = 0; i < kAllLosses.size(); ++i) {
      const auto mu = logit_gap_at(kAllLosses[i], 20, row.alpha, 400);

      EXPECT_NEAR(mu, row.mu[i], 1e-9) << row.alpha << " loss " << i;
      EXPECT_NEAR(pull_of(kAllLosses[i], 20, split(row.alpha), mu), row.pull[i], 1e-8);
      EXPECT_NEAR(flow_loss(kAllLosses[i], 20, split(row.alpha), mu), row.loss[i], 1e-8);
    }
  }
}

TEST(FixedFocus, HasTheLogitGapsOfOtherClassCountsAndTimes) {
  EXPECT_NEAR(logit_gap_at(FlowLoss::hard, 20, 1, 10), 0.492795488, 1e-9);
  EXPECT_NEAR(logit_gap_at(FlowLoss::hard, 1000, 0.5, 1e5), 10.582264914, 1e-8);
  EXPECT_NEAR(logit_gap_at(FlowLoss::soft, 1000, 0.5, 1e5), 19.280402772, 1e-8);
  EXPECT_NEAR(logit_gap_at(FlowLoss::soft, 20, 0.2, 1e6), 52.958080717, 1e-8);
}

// Here Lambert's W would be asked for e^(B/k) / k with B/k > 709.
TEST(FixedFocus, HasNoOverflowWhereTheExponentialOfLambertsFormHasOne) {
  EXPECT_NEAR(logit_gap_at(FlowLoss::hard, 3, 1, 1e6), 13.815483927, 1e-8);
  EXPECT_NEAR(logit_gap_at(FlowLoss::hard, 20, 0.2, 1e6), 12.204917511, 1e-8);
}

// B/k - W0(e^(B/k) / k), B = A + 1, where it does not overflow.
TEST(FixedFocus, SolvesItsEquationAsLambertsFunctionDoes) {
  for (const double k : {1.0, 2.0, 19.0, 999.0}) {
    for (const double A : {0.5, 3.0, 80.0, 600.0}) {
      const auto z = (A + 1) / k;
      const auto expected = z - boost::math::lambert_w0(std::exp(z) / k);

      EXPECT_NEAR(solve_exponential_plus_line(k, A), expected, 1e-12) << k << " " << A;
    }
  }
}

TEST(FixedFocus, StartsAtZero) {
  for (const auto loss : kAllLosses)
    EXPECT_EQ(logit_gap_at(loss, 20, 0.4, 0), 0);
}

TEST(FixedFocus, ReachesAGapAtTheTimeThatIsToldForIt) {
  std::mt19937 rng(5);
  std::uniform_real_distribution<double> alphas(0.01, 1);
  std::uniform_int_distribution<int> classes(2, 1000);
  std::uniform_real_distribution<double> magnitudes(-6, 6);
  for (int i = 0; i < 100; ++i) {
    const auto alpha = alphas(rng);
    const auto C = classes(rng);
    const auto time = std::pow(10, magnitudes(rng));
    for (const auto loss : kAllLosses) {
      const auto mu = logit_gap_at(loss, C, alpha, time);

      EXPECT_NEAR(time_of_logit_gap(loss, C, alpha, mu) / time, 1, 1e-9)
          << alpha << " " << C << " " << time;
    }
  }
}

// The rate of the closed form is that of the differential equation: the derivative of t by mu.
TEST(FixedFocus, FollowsTheDifferentialEquation) {
  constexpr double kStep = 1e-5;
  for (const auto loss : kAllLosses) {
    for (const double mu : {0.3, 2.0, 6.0}) {
      const auto slope = (time_of_logit_gap(loss, 20, 0.4, mu + kStep) -
                          time_of_logit_gap(loss, 20, 0.4, mu - kStep)) /
                         (2 * kStep);

      EXPECT_NEAR(slope * logit_gap_rate(loss, 20, split(0.4), mu), 1, 1e-8);
    }
  }
}

TEST(FixedFocus, PullIsMinusTheDerivativeOfTheLossByAlpha) {
  constexpr double kStep = 1e-5;
  for (const auto& row : kTable) {
    for (std::size_t i = 0; i < kAllLosses.size(); ++i) {
      const auto at = [&](double alpha) {
        return flow_loss(kAllLosses[i], 20, split(alpha), row.mu[i]);
      };
      const auto slope = (at(row.alpha + kStep) - at(row.alpha - kStep)) / (2 * kStep);

      const auto pull = pull_of(kAllLosses[i], 20, split(row.alpha), row.mu[i]);
      EXPECT_NEAR(-slope / pull, 1, 1e-6) << row.alpha << " loss " << i;
    }
  }
}

TEST(SoftPull, PeaksWhereTheTableSays) {
  constexpr std::array kHeights = {7.617285, 3.808642, 2.539095, 1.904321, 1.523457};
  constexpr std::array kTimes = {1485.433, 371.358, 165.048, 92.840, 59.417};
  for (std::size_t i = 0; i < kAlphas.size(); ++i) {
    const auto peak = soft_pull_peak(20, kAlphas[i]);

    EXPECT_NEAR(peak.mu * kAlphas[i], 2.523456930, 1e-8);
    EXPECT_NEAR(peak.pull, kHeights[i], 1e-6);
    EXPECT_NEAR(peak.time, kTimes[i], 1e-3);
  }
  EXPECT_NEAR(soft_pull_peak(3, 1).mu, 1.463055514, 1e-8);
  EXPECT_NEAR(soft_pull_peak(1000, 1).mu, 5.420501604, 1e-8);
}

TEST(SoftPull, IsNowhereLargerThanAtItsPeak) {
  const auto peak = soft_pull_peak(20, 0.6);
  const auto pull_at = [](double time) {
    return pull_of(FlowLoss::soft, 20, split(0.6), logit_gap_at(FlowLoss::soft, 20, 0.6, time));
  };

  EXPECT_NEAR(pull_at(peak.time), peak.pull, 1e-12);
  EXPECT_LT(pull_at(peak.time * 0.99), peak.pull);
  EXPECT_LT(pull_at(peak.time * 1.01), peak.pull);
}

/// What hard and lvml tend to, for every alpha of kAlphas.
struct Limits {
  double classes = 0;
  std::array<double, 5> hard_loss = {};
  std::array<double, 5> lvml_loss = {};
  std::array<double, 5> lvml_pull = {};
};

// Expected: (1 - alpha) log C, -log(alpha + (1 - alpha)/C), (C-1)/(1 + alpha (C-1)).
TEST(FixedFocus, TendsToTheFloorsOfHardAndLvml) {
  const std::vector<Limits> table = {{20,
                                      {2.396586, 1.797439, 1.198293, 0.599146, 0},
                                      {1.427116, 0.843970, 0.478036, 0.210721, 0},
                                      {3.958333, 2.209302, 1.532258, 1.172840, 0.95}},
                                     {3,
                                      {0.878890, 0.659167, 0.439445, 0.219722, 0},
                                      {0.762140, 0.510826, 0.310155, 0.143101, 0},
                                      {1.428571, 1.111111, 0.909091, 0.769231, 0.666667}}};
  for (const auto& limits : table) {
    for (std::size_t i = 0; i < kAlphas.size(); ++i) {
      const auto focus = split(kAlphas[i]);
      const auto hard_mu = logit_gap_at(FlowLoss::hard, limits.classes, kAlphas[i], 1e15);
      const auto lvml_mu = logit_gap_at(FlowLoss::lvml, limits.classes, kAlphas[i], 1e15);

      EXPECT_NEAR(flow_loss(FlowLoss::hard, limits.classes, focus, hard_mu), limits.hard_loss[i],
                  1e-6);
      EXPECT_NEAR(flow_loss(FlowLoss::lvml, limits.classes, focus, lvml_mu), limits.lvml_loss[i],
                  1e-6);
      EXPECT_NEAR(pull_of(FlowLoss::lvml, limits.classes, focus, lvml_mu), limits.lvml_pull[i],
                  1e-6);
      EXPECT_NEAR(pull_of(FlowLoss::hard, limits.classes, focus, hard_mu), std::log(limits.classes),
                  1e-6);
    }
  }
}

TEST(SoftLossOfTheFlow, TendsToZeroForEveryFocus) {
  for (const auto alpha : kAlphas) {
    const auto mu = logit_gap_at(FlowLoss::soft, 20, alpha, 1e12);
    EXPECT_LT(flow_loss(FlowLoss::soft, 20, split(alpha), mu), 1e-6);
  }
}

TEST(Dynamics, StayFiniteWhereExponentialsOverflow) {
  for (const auto loss : kAllLosses) {
    EXPECT_TRUE(std::isfinite(flow_loss(loss, 20, split(1), 1e4)));
    EXPECT_TRUE(std::isfinite(pull_of(loss, 20, split(1), 1e4)));
    EXPECT_TRUE(std::isfinite(logit_gap_rate(loss, 20, split(1), 1e4)));
  }
  EXPECT_EQ(focus_of(1e4, 5).alpha, 1);
}

}  // namespace
}  // namespace trainer
