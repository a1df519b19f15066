#pragma once

#include <functional>
#include <span>
#include <vector>

#include "trainer/gradient_flow/dynamics.hpp"

/// Focus and classifier learning together from (0, 0), by numerical integration.
namespace trainer {

/// The state of the joint flow.
struct Gaps {
  double mu = 0;
  double nu = 0;
};

/// (d mu / dt, d nu / dt)
Gaps rates_of(FlowLoss loss, const FlowTask& task, const Gaps& gaps);

/// The states at `times`, which are >= 0 and do not fall, by a Runge-Kutta method of order 5(4)
/// whose step keeps to a relative error of `tolerance`.
std::vector<Gaps> integrate_flow(FlowLoss loss, const FlowTask& task, std::span<const double> times,
                                 double tolerance);

/// A number that the states of several losses have together at one moment.
using FlowQuantity = std::function<double(std::span<const Gaps> states)>;

/// The times in (0, until] at which the quantity, computed from the flows of all `losses`, changes
/// sign. A value below 1e-8 has no sign, so that what differs by rounding alone is no change; hence
/// the quantity should be of order 1.
std::vector<double> find_sign_changes(std::span<const FlowLoss> losses, const FlowTask& task,
                                      const FlowQuantity& quantity, double until);

}  // namespace trainer
