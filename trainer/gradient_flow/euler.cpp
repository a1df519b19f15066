#include "trainer/gradient_flow/euler.hpp"

#include <cmath>

namespace trainer {
namespace {

constexpr std::int64_t kStepsBetweenQuestions = 1'000'000;

Gaps rates_at(FlowLoss loss, const FlowTask& task, const Gaps& gaps, const EulerOptions& options) {
  if (!options.alpha) return rates_of(loss, task, gaps);
  const FocusSplit focus = {.alpha = *options.alpha, .rest = 1 - *options.alpha};
  return {.mu = logit_gap_rate(loss, task.classes, focus, gaps.mu), .nu = 0};
}

}  // namespace

std::optional<std::vector<Gaps>> integrate_by_euler(FlowLoss loss, const FlowTask& task,
                                                    std::span<const double> times,
                                                    const EulerOptions& options) {
  std::vector<Gaps> states;
  Gaps gaps;
  std::int64_t steps_done = 0;
  for (const auto time : times) {
    for (const auto steps = std::llround(time / options.step); steps_done < steps; ++steps_done) {
      if (steps_done % kStepsBetweenQuestions == 0 && options.should_stop(states.size())) return {};
      const auto rates = rates_at(loss, task, gaps, options);
      gaps.mu += options.step * rates.mu;
      gaps.nu += options.step * rates.nu;
    }
    states.push_back(gaps);
  }
  return states;
}

}  // namespace trainer
