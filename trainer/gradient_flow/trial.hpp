#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "trainer/gradient_flow/flow.hpp"

/// One trial of the study, from its settings to the values that it reports.
namespace trainer {

/// The settings as the mathematics wants them.
struct FlowTrial {
  FlowLoss loss = FlowLoss::soft;
  FlowTask task = {};
  std::optional<double> alpha = {};       ///< a fixed focus; absent: joint
  std::optional<double> euler_step = {};  ///< absent: adaptive
  double tolerance = 0;                   ///< of the adaptive method
  std::vector<double> times = {};
};

/// `settings` are resolved and without problems.
FlowTrial make_flow_trial(const nlohmann::json& settings);

/// The states at the trial's times. `should_stop` is asked now and then in a long integration, with
/// the number of times reached; nothing if it says yes. The score gap of a fixed focus stays 0.
std::optional<std::vector<Gaps>> solve(const FlowTrial& trial,
                                       const std::function<bool(std::size_t)>& should_stop);

/// Everything that is reported for the trial.
nlohmann::json values_of(const FlowTrial& trial, const std::vector<Gaps>& states);

}  // namespace trainer
