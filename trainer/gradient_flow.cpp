#include "trainer/gradient_flow.hpp"

#include <algorithm>
#include <chrono>

#include "trainer/gradient_flow/trial.hpp"
#include "trainer/settings.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kName = "gradient_flow";
constexpr int kVersion = 1;       // raise it whenever equal settings would give other results
constexpr int kPackWidth = 1000;  // one computation for all, so any width will do

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
                       required("loss", {.type = "string",
                                         .values = flow_loss_names(),
                                         .help = "what is minimised"}),
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
  for (const auto& loss : flow_loss_names())
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
  return make_flow_trial(verdict.resolved);
}

void train(const protocol::PackRequest& request, const PackListener& listener) {
  const auto trial = trial_of(request);
  if (listener.should_stop()) return;
  const auto begin = Clock::now();
  const auto states = solve(trial, [&](std::size_t num_times) {
    listener.on_step(static_cast<int>(num_times), static_cast<int>(trial.times.size()));
    return listener.should_stop();
  });
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
