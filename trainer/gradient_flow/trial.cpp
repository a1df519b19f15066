#include "trainer/gradient_flow/trial.hpp"

#include <algorithm>
#include <cmath>

#include "trainer/gradient_flow/crossings.hpp"
#include "trainer/gradient_flow/euler.hpp"
#include "trainer/gradient_flow/fixed_focus.hpp"
#include "trainer/gradient_flow/joint_curve.hpp"

namespace trainer {
namespace {

using nlohmann::json;

std::vector<Gaps> solve_fixed_focus(const FlowTrial& trial) {
  std::vector<Gaps> states;
  for (const auto time : trial.times) {
    states.push_back({.mu = logit_gap_at(trial.loss, trial.task.classes, *trial.alpha, time)});
  }
  return states;
}

FocusSplit focus_at(const FlowTrial& trial, const Gaps& gaps) {
  if (trial.alpha) return {.alpha = *trial.alpha, .rest = 1 - *trial.alpha};
  return focus_of(gaps.nu, trial.task.segments);
}

json curves_of(const FlowTrial& trial, const std::vector<Gaps>& states) {
  json curves = json::object();
  for (const auto& gaps : states) {
    const auto focus = focus_at(trial, gaps);
    const auto classes = trial.task.classes;
    curves["mu"].push_back(gaps.mu);
    curves["nu"].push_back(trial.alpha ? score_gap_of(focus, trial.task.segments) : gaps.nu);
    curves["alpha"].push_back(focus.alpha);
    curves["train_loss"].push_back(flow_loss(trial.loss, classes, focus, gaps.mu));
    curves["pull"].push_back(pull_of(trial.loss, classes, focus, gaps.mu));
  }
  for (const auto& name : {"mu", "nu", "alpha", "train_loss", "pull"})
    curves[std::string("final_") + name] = curves[name].back();
  curves["t"] = trial.times;
  return curves;
}

double curve_error(const FlowTrial& trial, const std::vector<Gaps>& states) {
  double largest = 0;
  for (const auto& [mu, nu] : states) {
    const auto expected = logit_side(trial.loss, trial.task.classes, mu);
    if (expected == 0) continue;
    largest = std::max(largest, std::abs(score_side(trial.task.segments, nu) / expected - 1));
  }
  return largest;
}

void add_joint_moments(const FlowTrial& trial, json& values) {
  const auto until = trial.times.back();
  const auto half = time_of_focus(trial.loss, trial.task, 0.5, until);
  const auto most = time_of_focus(trial.loss, trial.task, 0.9, until);
  if (half) values["time_to_half_focus"] = *half;
  if (most) values["time_to_90_focus"] = *most;
  for (const auto& name : flow_loss_names()) {
    const auto other = flow_loss_from(name);
    if (other == trial.loss) continue;
    const auto times = score_gap_crossings(trial.loss, other, trial.task, until);
    if (!times.empty()) values["nu_crossings_" + name] = times;
  }
}

}  // namespace

FlowTrial make_flow_trial(const nlohmann::json& settings) {
  FlowTrial trial = {
      .loss = flow_loss_from(settings.at("loss")),
      .task = {.segments = settings.at("segments"), .classes = settings.at("classes")},
      .times = settings.at("times")};
  if (settings.at("focus").is_number()) trial.alpha = settings["focus"].get<double>();
  const auto& integrator = settings.at("integrator");
  if (integrator.at("name") == "euler") {
    trial.euler_step = integrator.at("step").get<double>();
  } else {
    trial.tolerance = integrator.at("tolerance");
  }
  return trial;
}

std::optional<std::vector<Gaps>> solve(const FlowTrial& trial,
                                       const std::function<bool(std::size_t)>& should_stop) {
  if (trial.euler_step) {
    return integrate_by_euler(
        trial.loss, trial.task, trial.times,
        {.step = *trial.euler_step, .alpha = trial.alpha, .should_stop = should_stop});
  }
  if (trial.alpha) return solve_fixed_focus(trial);
  return integrate_flow(trial.loss, trial.task, trial.times, trial.tolerance);
}

nlohmann::json values_of(const FlowTrial& trial, const std::vector<Gaps>& states) {
  auto values = curves_of(trial, states);
  if (!trial.alpha) {
    values["curve_error"] = curve_error(trial, states);
    add_joint_moments(trial, values);
  } else if (trial.loss == FlowLoss::soft) {
    const auto peak = soft_pull_peak(trial.task.classes, *trial.alpha);
    values["peak_pull"] = peak.pull;
    values["peak_pull_time"] = peak.time;
  }
  return values;
}

}  // namespace trainer
