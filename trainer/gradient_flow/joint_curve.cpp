#include "trainer/gradient_flow/joint_curve.hpp"

#include <algorithm>
#include <cmath>

#include <boost/math/quadrature/gauss.hpp>

#include "trainer/gradient_flow/fixed_focus.hpp"

namespace trainer {
namespace {

/// 30 nodes on a panel of this length are exact to rounding: the integrand is analytic up to a
/// distance of pi from the real axis.
constexpr double kPanel = 4;

double hard_side(double classes, double mu) {
  const auto ratio_of_rates = [classes](double u) {
    const auto log_c_beta = pull_of(FlowLoss::hard, classes, {.alpha = 1, .rest = 0}, u);
    return (std::exp(u) + classes - 1) * log_c_beta / classes;
  };
  double sum = 0;
  for (double begin = 0; begin < mu; begin += kPanel) {
    sum += boost::math::quadrature::gauss<double, 30>::integrate(ratio_of_rates, begin,
                                                                 std::min(begin + kPanel, mu));
  }
  return sum;
}

/// e^x - 1 - x, by its series where the difference would cancel.
double exponential_beyond_line(double x) {
  if (std::abs(x) > 1e-2) return std::expm1(x) - x;
  return x * x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6 * (1 + x / 7)))));
}

/// The bracket is (e^mu - 1 - mu) + k (e^-mu - 1 + mu).
double lvml_side(double classes, double mu) {
  const auto k = classes - 1;
  const auto bracket = exponential_beyond_line(mu) + k * exponential_beyond_line(-mu);
  return k / (classes * classes) * bracket;
}

}  // namespace

double score_side(double segments, double nu) {
  return nu + std::expm1(nu) / (segments - 1);
}

double logit_side(FlowLoss loss, double classes, double mu) {
  switch (loss) {
    case FlowLoss::soft:
      return (classes - 1) / (2 * classes) * mu * mu;
    case FlowLoss::hard:
      return hard_side(classes, mu);
    case FlowLoss::lvml:
      break;
  }
  return lvml_side(classes, mu);
}

double score_gap_on_curve(FlowLoss loss, const FlowTask& task, double mu) {
  const auto others = task.segments - 1;
  return solve_exponential_plus_line(others, others * logit_side(loss, task.classes, mu));
}

}  // namespace trainer
