#include "trainer/gradient_flow/flow.hpp"

#include <array>
#include <cmath>

#include <boost/math/tools/toms748_solve.hpp>
#include <boost/numeric/odeint.hpp>

namespace trainer {
namespace {

namespace odeint = boost::numeric::odeint;

using State = std::vector<double>;  // mu, nu of the first loss, of the second, ...
using Method = odeint::runge_kutta_dopri5<State>;

constexpr double kFirstStep = 1;               // of the time scale; tried, then adapted
constexpr double kAbsoluteTolerance = 1e-20;   // so that gaps near 0 are relatively precise too
constexpr double kSearchTolerance = 1e-10;     // relative, while looking for changes of sign
constexpr double kSmallestSignedValue = 1e-8;  // below: rounding and the tolerance above
constexpr int kRootBits = 40;

std::vector<Gaps> to_gaps(const State& state) {
  std::vector<Gaps> gaps;
  for (std::size_t i = 0; i < state.size(); i += 2)
    gaps.push_back({.mu = state[i], .nu = state[i + 1]});
  return gaps;
}

/// The right side of the differential equations of several losses.
auto make_system(std::span<const FlowLoss> losses, const FlowTask& task) {
  return [losses, task](const State& state, State& rates, double /*time*/) {
    for (std::size_t i = 0; i < losses.size(); ++i) {
      const auto rate = rates_of(losses[i], task, {.mu = state[2 * i], .nu = state[2 * i + 1]});
      rates[2 * i] = rate.mu;
      rates[2 * i + 1] = rate.nu;
    }
  };
}

int sign_of(double value) {
  if (std::abs(value) < kSmallestSignedValue) return 0;
  return value > 0 ? 1 : -1;
}

/// The root of `value` on [begin, end]; `begin` if the sign there is that of the end, which can
/// only be where both are small.
double find_root(const std::function<double(double)>& value, double begin, double end) {
  const auto at_begin = value(begin);
  const auto at_end = value(end);
  if (at_begin * at_end >= 0) return begin;
  std::uintmax_t iterations = 100;
  const boost::math::tools::eps_tolerance<double> precision(kRootBits);
  return boost::math::tools::toms748_solve(value, begin, end, at_begin, at_end, precision,
                                           iterations)
      .first;
}

}  // namespace

Gaps rates_of(FlowLoss loss, const FlowTask& task, const Gaps& gaps) {
  const auto focus = focus_of(gaps.nu, task.segments);
  return {.mu = logit_gap_rate(loss, task.classes, focus, gaps.mu),
          .nu = score_gap_rate(loss, task.classes, focus, gaps.mu)};
}

std::vector<Gaps> integrate_flow(FlowLoss loss, const FlowTask& task, std::span<const double> times,
                                 double tolerance) {
  std::vector<double> stops = {0};
  stops.insert(stops.end(), times.begin(), times.end());
  std::vector<Gaps> states;
  State state = {0, 0};
  odeint::integrate_times(
      odeint::make_controlled<Method>(kAbsoluteTolerance, tolerance), make_system({&loss, 1}, task),
      state, stops, kFirstStep,
      [&](const State& reached, double /*time*/) { states.push_back(to_gaps(reached).front()); });
  states.erase(states.begin());  // that of the start
  return states;
}

std::vector<double> find_sign_changes(std::span<const FlowLoss> losses, const FlowTask& task,
                                      const FlowQuantity& quantity, double until) {
  auto stepper = odeint::make_dense_output<Method>(kAbsoluteTolerance, kSearchTolerance);
  stepper.initialize(State(2 * losses.size(), 0.0), 0.0, kFirstStep);
  const auto system = make_system(losses, task);
  const auto value = [&](double time) {
    State state(2 * losses.size());
    stepper.calc_state(time, state);
    return quantity(to_gaps(state));
  };
  std::vector<double> changes;
  for (int last_sign = 0; stepper.current_time() < until;) {
    const auto [begin, end] = stepper.do_step(system);
    const auto sign = sign_of(value(end));
    if (sign == 0) continue;
    if (sign == -last_sign) changes.push_back(find_root(value, begin, end));
    last_sign = sign;
  }
  if (!changes.empty() && changes.back() > until) changes.pop_back();
  return changes;
}

}  // namespace trainer
