#include "trainer/gradient_flow.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "trainer/gradient_flow/crossings.hpp"
#include "trainer/gradient_flow/euler.hpp"
#include "trainer/gradient_flow/fixed_focus.hpp"
#include "trainer/gradient_flow/flow.hpp"
#include "trainer/gradient_flow/joint_curve.hpp"
#include "trainer/settings.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kName = "gradient_flow";
constexpr int kVersion = 1;       // raise it whenever equal settings would give other results
constexpr int kPackWidth = 1000;  // one computation for all, so any width will do
const std::vector<std::string> kLosses = {"soft", "hard", "lvml"};

Setting required(const std::string& key, protocol::SettingDeclaration declaration) {
  return {.key = key, .declaration = std::move(declaration), .is_required = true};
}

Setting number(const std::string& key, double default_value, double min, double max,
               const std::string& help) {
  return {
      .key = key,
      .declaration = {
          .type = "float", .default_value = default_value, .min = min, .max = max, .help = help}};
}

Section integrator_section() {
  return {.key = "integrator",
          .selector = "name",
          .default_choice = "adaptive",
          .choices = {{.name = "adaptive",
                       .help = "Runge-Kutta 5(4); a fixed focus in closed form",
                       .settings = {number("tolerance", 1e-10, 1e-14, 1e-2, "relative error")}},
                      {.name = "euler",
                       .help = "explicit Euler, as in the published figures",
                       .settings = {number("step", 0.01, 1e-6, 1e9, "of time")}}}};
}

Schema make_schema() {
  const Setting study = {
      .key = "study",
      .declaration = {
          .type = "string", .default_value = kName, .values = {kName}, .help = "this study"}};
  const Setting focus = {.key = "focus",
                         .declaration = {.type = "float",
                                         .default_value = "joint",
                                         .min = 0,
                                         .max = 1,
                                         .values = {"joint"},
                                         .help = "joint: it learns too; a number above 0: the "
                                                 "fixed weight on the foreground"}};
  return {.settings = {study,
                       required("loss",
                                {.type = "string", .values = kLosses, .help = "what is minimised"}),
                       focus, whole_number("segments", 20, 2, "segments per input (m)"),
                       whole_number("classes", 20, 2, "number of labels (C)"),
                       required("times", {.type = "numbers",
                                          .min = 0,
                                          .max = 1e15,
                                          .help = "when the curves are read off, rising; rate 1 "
                                                  "on both networks"})},
          .sections = {integrator_section()}};
}

protocol::VariableDeclaration curve(const std::string& meaning, const std::string& units = "1") {
  return {.dims = {"time"}, .units = units, .long_name = meaning};
}

protocol::VariableDeclaration crossing(const std::string& loss) {
  return {.dims = {"crossing"}, .long_name = "times at which nu equals that of " + loss};
}

std::map<std::string, protocol::VariableDeclaration> declare_variables() {
  const std::map<std::string, protocol::VariableDeclaration> curves = {
      {"mu", curve("logit gap of the true class on a foreground segment")},
      {"nu", curve("score gap of the foreground segment")},
      {"alpha", curve("weight on the foreground segment")},
      {"train_loss", curve("training loss of the population", "nat")},
      {"pull", curve("minus the derivative of the loss by alpha", "nat")}};
  auto variables = curves;
  for (const auto& [name, declaration] : curves) {
    variables["final_" + name] = {.units = declaration.units,
                                  .long_name = declaration.long_name + ", at the last time"};
  }
  variables["t"] = curve("time of the entry");
  variables["curve_error"] = {
      .long_name = "largest relative distance of joint mu, nu from their closed curve"};
  variables["time_to_half_focus"] = {.long_name = "joint time at which alpha reaches 0.5"};
  variables["time_to_90_focus"] = {.long_name = "joint time at which alpha reaches 0.9"};
  variables["peak_pull"] = {.units = "nat", .long_name = "largest pull of soft with a fixed focus"};
  variables["peak_pull_time"] = {.long_name = "its time"};
  for (const auto& loss : kLosses)
    variables["nu_crossings_" + loss] = crossing(loss);
  return variables;
}

protocol::StudyDeclaration declare() {
  return {.version = kVersion,
          .settings = declarations(make_schema()),
          .variables = declare_variables(),
          .headline = {"final_alpha", "final_mu", "final_nu", "final_train_loss",
                       "time_to_half_focus", "time_to_90_focus"}};
}

Verdict check(const json& settings) {
  auto [resolved, problems] = resolve(make_schema(), settings);
  const auto report = [&list = problems](const std::string& key, const std::string& problem) {
    list.push_back({.key = key, .problem = problem, .hint = {}, .index = {}});
  };
  if (problems.empty()) {
    const auto times = resolved["times"].get<std::vector<double>>();
    if (times.empty()) report("times", "must hold a time");
    if (!std::ranges::is_sorted(times)) report("times", "must rise");
    if (resolved["focus"] == 0.0) report("focus", "must be above 0, for nothing is learned there");
  }
  return {
      .problems = std::move(problems), .resolved = std::move(resolved), .pack_width = kPackWidth};
}

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
FlowTrial make_trial(const json& settings) {
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

std::vector<Gaps> solve_fixed_focus(const FlowTrial& trial) {
  std::vector<Gaps> states;
  for (const auto time : trial.times) {
    states.push_back({.mu = logit_gap_at(trial.loss, trial.task.classes, *trial.alpha, time)});
  }
  return states;
}

/// Nothing if it was told to stop.
std::optional<std::vector<Gaps>> solve(const FlowTrial& trial, const PackListener& listener) {
  if (trial.euler_step) {
    const auto should_stop = [&](std::size_t num_times) {
      listener.on_step(static_cast<int>(num_times), static_cast<int>(trial.times.size()));
      return listener.should_stop();
    };
    return integrate_by_euler(
        trial.loss, trial.task, trial.times,
        {.step = *trial.euler_step, .alpha = trial.alpha, .should_stop = should_stop});
  }
  if (trial.alpha) return solve_fixed_focus(trial);
  return integrate_flow(trial.loss, trial.task, trial.times, trial.tolerance);
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
  for (const auto& name : kLosses) {
    const auto other = flow_loss_from(name);
    if (other == trial.loss) continue;
    const auto times = score_gap_crossings(trial.loss, other, trial.task, until);
    if (!times.empty()) values["nu_crossings_" + name] = times;
  }
}

json values_of(const FlowTrial& trial, const std::vector<Gaps>& states) {
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

FlowTrial trial_of(const protocol::PackRequest& request) {
  const auto verdict = check(request.settings);
  if (!verdict.problems.empty()) {
    const auto& first = verdict.problems.front();
    throw SettingError(first.key, first.problem, first.hint);
  }
  if (std::ranges::any_of(request.trials, [](const auto& each) { return !!each.learning_rate; })) {
    throw SettingError("learning_rate", "does not apply to gradient flow",
                       "time stands for steps times rate");
  }
  return make_trial(verdict.resolved);
}

void train(const protocol::PackRequest& request, const PackListener& listener) {
  const auto trial = trial_of(request);
  if (listener.should_stop()) return;
  const auto begin = Clock::now();
  const auto states = solve(trial, listener);
  if (!states) return;
  const auto values = values_of(trial, *states);
  const auto elapsed_s = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const auto& [id, seed, learning_rate] : request.trials) {
    listener.on_result({.pack = request.pack,
                        .id = id,
                        .values = values,
                        .error = {},
                        .elapsed_s = elapsed_s / static_cast<double>(request.trials.size())});
  }
}

}  // namespace

Study gradient_flow() {
  return {.name = kName, .declaration = declare(), .check = check, .train = train};
}

}  // namespace trainer
