#pragma once

#include <optional>
#include <vector>

#include "trainer/gradient_flow/flow.hpp"

/// Moments of the joint flow, each found on the adaptive solution.
namespace trainer {

/// When the focus reaches `alpha`; nothing if not by `until`.
std::optional<double> time_of_focus(FlowLoss loss, const FlowTask& task, double alpha,
                                    double until);

/// When the score gaps of two losses are equal, up to `until`; the start, where all are 0, is no
/// crossing.
std::vector<double> score_gap_crossings(FlowLoss one, FlowLoss other, const FlowTask& task,
                                        double until);

/// The same for their logit gaps.
std::vector<double> logit_gap_crossings(FlowLoss one, FlowLoss other, const FlowTask& task,
                                        double until);

}  // namespace trainer
