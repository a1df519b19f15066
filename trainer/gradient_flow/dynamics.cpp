#include "trainer/gradient_flow/dynamics.hpp"

#include <cmath>
#include <stdexcept>

namespace trainer {
namespace {

/// 1 / (e^x + k)
double inverse_of_sum(double x, double k) {
  return std::exp(-x) / (1 + k * std::exp(-x));
}

double beta_of(double mu, double k) {
  return 1 / (1 + k * std::exp(-mu));
}

/// beta - 1/C
double beta_above_chance(double mu, double k) {
  return -k * std::expm1(-mu) / (k + 1) * beta_of(mu, k);
}

double marginal(double classes, const FocusSplit& focus, double mu) {
  return focus.alpha * beta_of(mu, classes - 1) + focus.rest / classes;
}

}  // namespace

const std::vector<std::string>& flow_loss_names() {
  static const std::vector<std::string> names = {"soft", "hard", "lvml"};
  return names;
}

FlowLoss flow_loss_from(const std::string& name) {
  if (name == "soft") return FlowLoss::soft;
  if (name == "hard") return FlowLoss::hard;
  if (name == "lvml") return FlowLoss::lvml;
  throw std::invalid_argument("there is no loss '" + name + "'");
}

FocusSplit focus_of(double nu, double segments) {
  const auto rest = (segments - 1) * std::exp(-nu);  // e^nu and m - 1, both divided by e^nu
  return {.alpha = 1 / (1 + rest), .rest = rest / (1 + rest)};
}

double score_gap_of(const FocusSplit& focus, double segments) {
  return std::log(focus.alpha) + std::log(segments - 1) - std::log(focus.rest);
}

double flow_loss(FlowLoss loss, double classes, const FocusSplit& focus, double mu) {
  const auto k = classes - 1;
  switch (loss) {
    case FlowLoss::soft:
      return std::log1p(k * std::exp(-focus.alpha * mu));
    case FlowLoss::hard:
      return focus.alpha * std::log1p(k * std::exp(-mu)) + focus.rest * std::log(classes);
    case FlowLoss::lvml:
      break;
  }
  const auto missing = focus.alpha * k * std::exp(-mu) * beta_of(mu, k) + focus.rest * k / classes;
  return -std::log1p(-missing);  // missing = 1 - Z
}

double pull_of(FlowLoss loss, double classes, const FocusSplit& focus, double mu) {
  const auto k = classes - 1;
  switch (loss) {
    case FlowLoss::soft:
      return k * mu * inverse_of_sum(focus.alpha * mu, k);
    case FlowLoss::hard:
      return -std::log1p(k * std::expm1(-mu) / classes);
    case FlowLoss::lvml:
      break;
  }
  return beta_above_chance(mu, k) / marginal(classes, focus, mu);
}

double logit_gap_rate(FlowLoss loss, double classes, const FocusSplit& focus, double mu) {
  const auto k = classes - 1;
  switch (loss) {
    case FlowLoss::soft:
      return focus.alpha * inverse_of_sum(focus.alpha * mu, k);
    case FlowLoss::hard:
      return focus.alpha * inverse_of_sum(mu, k);
    case FlowLoss::lvml:
      break;
  }
  return focus.alpha * beta_of(mu, k) * inverse_of_sum(mu, k) / marginal(classes, focus, mu);
}

double score_gap_rate(FlowLoss loss, double classes, const FocusSplit& focus, double mu) {
  return focus.alpha * focus.rest * pull_of(loss, classes, focus, mu) / classes;
}

}  // namespace trainer
