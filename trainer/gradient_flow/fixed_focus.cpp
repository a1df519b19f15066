#include "trainer/gradient_flow/fixed_focus.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include <boost/math/special_functions/lambert_w.hpp>
#include <boost/math/tools/roots.hpp>
#include <boost/math/tools/toms748_solve.hpp>

namespace trainer {
namespace {

double exponential_plus_line(double k, double x) {
  return std::expm1(x) + k * x;
}

/// Inverts time_of_logit_gap, which is at least e^mu - 1, on [0, log(1 + t)].
double lvml_logit_gap_at(double classes, double alpha, double time) {
  const auto excess = [&](double mu) {
    return time_of_logit_gap(FlowLoss::lvml, classes, alpha, mu) - time;
  };
  const auto most = std::log1p(time);
  if (time <= 0 || excess(most) <= 0) return most;
  std::uintmax_t iterations = 200;
  const boost::math::tools::eps_tolerance<double> precision(52);
  const auto [low, high] =
      boost::math::tools::toms748_solve(excess, 0.0, most, precision, iterations);
  return low + (high - low) / 2;
}

}  // namespace

double solve_exponential_plus_line(double k, double A) {
  if (A <= 0) return 0;
  // The function is convex and not below its value at `most`, so Newton's steps fall to the root.
  const auto most = std::min(std::log1p(A), A / (1 + k));
  std::uintmax_t iterations = 200;
  return boost::math::tools::newton_raphson_iterate(
      [k, A](double x) { return std::make_pair(exponential_plus_line(k, x) - A, std::exp(x) + k); },
      most, 0.0, most, std::numeric_limits<double>::digits - 2, iterations);
}

double logit_gap_at(FlowLoss loss, double classes, double alpha, double time) {
  const auto k = classes - 1;
  switch (loss) {
    case FlowLoss::soft:
      return solve_exponential_plus_line(k, alpha * alpha * time) / alpha;
    case FlowLoss::hard:
      return solve_exponential_plus_line(k, alpha * time);
    case FlowLoss::lvml:
      break;
  }
  return lvml_logit_gap_at(classes, alpha, time);
}

double time_of_logit_gap(FlowLoss loss, double classes, double alpha, double mu) {
  const auto k = classes - 1;
  switch (loss) {
    case FlowLoss::soft:
      return exponential_plus_line(k, alpha * mu) / (alpha * alpha);
    case FlowLoss::hard:
      return exponential_plus_line(k, mu) / alpha;
    case FlowLoss::lvml:
      break;
  }
  const auto unfocused = std::expm1(mu) + 2 * k * mu - k * k * std::expm1(-mu);
  return exponential_plus_line(k, mu) + (1 - alpha) / (alpha * classes) * unfocused;
}

PullPeak soft_pull_peak(double classes, double alpha) {
  const auto k = classes - 1;
  const auto x = 1 + boost::math::lambert_w0(k / std::numbers::e);
  return {.time = exponential_plus_line(k, x) / (alpha * alpha),
          .mu = x / alpha,
          .pull = (x - 1) / alpha};
}

}  // namespace trainer
