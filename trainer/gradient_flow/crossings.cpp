#include "trainer/gradient_flow/crossings.hpp"

#include <algorithm>
#include <array>

namespace trainer {
namespace {

/// (one - other) of a gap, as a fraction of the larger.
std::vector<double> crossings(FlowLoss one, FlowLoss other, const FlowTask& task, double until,
                              double Gaps::*gap) {
  const std::array losses = {one, other};
  const auto difference = [gap](std::span<const Gaps> states) {
    const auto first = states[0].*gap;
    const auto second = states[1].*gap;
    return (first - second) / std::max(first, second);
  };
  return find_sign_changes(losses, task, difference, until);
}

}  // namespace

std::optional<double> time_of_focus(FlowLoss loss, const FlowTask& task, double alpha,
                                    double until) {
  if (focus_of(0, task.segments).alpha >= alpha) return 0;
  const auto excess = [&](std::span<const Gaps> states) {
    return focus_of(states[0].nu, task.segments).alpha - alpha;
  };
  const auto times = find_sign_changes({&loss, 1}, task, excess, until);
  return times.empty() ? std::nullopt : std::optional(times.front());
}

std::vector<double> score_gap_crossings(FlowLoss one, FlowLoss other, const FlowTask& task,
                                        double until) {
  return crossings(one, other, task, until, &Gaps::nu);
}

std::vector<double> logit_gap_crossings(FlowLoss one, FlowLoss other, const FlowTask& task,
                                        double until) {
  return crossings(one, other, task, until, &Gaps::mu);
}

}  // namespace trainer
