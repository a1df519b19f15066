#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "trainer/gradient_flow/flow.hpp"

namespace trainer {

/// How explicit Euler goes: in steps of equal length, from the state before.
struct EulerOptions {
  double step = 0.01;                ///< of time, > 0
  std::optional<double> alpha = {};  ///< a fixed focus, whose score gap stays 0; absent: joint

  /// Asked every million steps, with the number of `times` reached.
  std::function<bool(std::size_t num_times)> should_stop = [](std::size_t) { return false; };
};

/// The states after round(t / step) steps for every t of `times`, which are >= 0 and do not fall.
/// Nothing if it was told to stop. This is how the published figures were made.
std::optional<std::vector<Gaps>> integrate_by_euler(FlowLoss loss, const FlowTask& task,
                                                    std::span<const double> times,
                                                    const EulerOptions& options);

}  // namespace trainer
