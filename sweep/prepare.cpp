#include "sweep/prepare.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "protocol/suggestion.hpp"
#include "results/trial_index.hpp"
#include "results/variable_names.hpp"
#include "sweep/outlook.hpp"
#include "sweep/trainer_ahead.hpp"

namespace sweep {
namespace {

constexpr std::chrono::seconds kHelloPatience{300};  // a cold file system may be slow
constexpr std::chrono::seconds kCheckPatience{900};  // data sets are read for their fingerprints

using Problems = std::vector<ConfigProblem>;
using Json = nlohmann::json;

/// Arguments that name files beside the config become absolute, since every rank starts them.
std::vector<std::string> absolute_program(const Config& config) {
  auto program = config.trainer;
  for (auto& argument : program) {
    const auto file = config.folder() / argument;
    if (std::filesystem::path(argument).is_relative() && std::filesystem::is_regular_file(file)) {
      argument = file.string();
    }
  }
  return program;
}

template <class Answer>
Answer expect_answer(TrainerProcess& trainer, std::chrono::seconds patience) {
  auto message = trainer.expect(patience);
  if (auto* answer = std::get_if<Answer>(&message)) return std::move(*answer);
  if (const auto* failure = std::get_if<protocol::Failure>(&message)) {
    throw protocol::ProtocolError(failure->error +
                                  (failure->hint.empty() ? "" : ", " + failure->hint));
  }
  throw protocol::ProtocolError("the trainer answered something else than it was asked");
}

protocol::Ready greet(TrainerProcess& trainer, const TrainerChoice& start,
                      const std::string& device, const std::filesystem::path& cache = {}) {
  trainer.send(
      protocol::Hello{.device = device, .threads = start.trainer.threads, .cache = cache.string()});
  return expect_answer<protocol::Ready>(trainer, kHelloPatience);
}

/// Makes the value of a dotted path absolute if it is a relative path.
void resolve_path(Json& settings, const std::string& key, const std::filesystem::path& folder) {
  std::string path = "/";
  std::ranges::replace_copy(key, std::back_inserter(path), '.', '/');
  const Json::json_pointer pointer(path);
  if (!settings.contains(pointer) || !settings.at(pointer).is_string()) return;
  auto& value = settings.at(pointer);
  value = (folder / value.get<std::string>()).lexically_normal().string();
}

void resolve_paths(PreparedSweep& sweep) {
  for (const auto& [name, study] : sweep.ready.studies) {
    for (const auto& [key, setting] : study.settings) {
      if (setting.type != "path") continue;
      for (auto& combination : sweep.grid.combinations) {
        resolve_path(combination.settings, key, sweep.config.folder());
      }
    }
  }
}

/// "must be at least 2" needs its key in front; "unknown loss 'sotf'" does not.
std::string sentence_of(const protocol::Problem& problem) {
  const bool is_sentence = problem.key.empty() || problem.problem.starts_with("unknown ");
  return is_sentence ? problem.problem : problem.key + " " + problem.problem;
}

void add_trainer_problems(const PreparedSweep& sweep, const std::vector<protocol::Problem>& found,
                          Problems& problems) {
  std::set<std::pair<Place, std::string>> said;  // many combinations may share one mistake
  for (const auto& problem : found) {
    const auto index = std::min(problem.index.value_or(0), sweep.grid.combinations.size() - 1);
    const auto place = place_of_setting(sweep.config, sweep.grid.combinations[index], problem.key);
    const auto sentence = sentence_of(problem);
    if (said.emplace(place, sentence).second) problems.push_back({place, sentence, problem.hint});
  }
}

/// Asks the trainer about all combinations and keeps its answers.
std::vector<Json> check_settings(PreparedSweep& sweep, Problems& problems) {
  protocol::Check check;
  for (const auto& combination : sweep.grid.combinations) {
    check.settings.push_back(combination.settings);
  }
  sweep.trainer->send(check);
  auto answer = expect_answer<protocol::Checked>(*sweep.trainer, kCheckPatience);
  add_trainer_problems(sweep, answer.problems, problems);
  const auto count = sweep.grid.combinations.size();
  sweep.pack_widths = std::move(answer.pack_widths);
  sweep.pack_widths.resize(count, 1);
  sweep.memory_bytes = std::move(answer.memory_bytes);
  sweep.memory_bytes.resize(count, 0);
  sweep.costs = std::move(answer.costs);
  sweep.costs.resize(count, 1);
  std::ranges::replace_if(
      sweep.costs, [](double cost) { return !std::isfinite(cost) || cost <= 0; }, 1.0);
  if (answer.resolved.size() != count) return check.settings;
  return std::move(answer.resolved);
}

/// Names of studies that the combinations use; a trainer with one study need not be told.
std::set<std::string> studies_of(const PreparedSweep& sweep) {
  std::set<std::string> names;
  for (const auto& combination : sweep.grid.combinations) {
    const auto study = combination.settings.find("study");
    if (study != combination.settings.end() && study->is_string()) {
      names.insert(study->get<std::string>());
    } else if (sweep.ready.studies.size() == 1) {
      names.insert(sweep.ready.studies.begin()->first);
    }
  }
  return names;
}

int version_of_study(const PreparedSweep& sweep, const Json& settings) {
  const auto name = settings.value("study", std::string());
  const auto study = sweep.ready.studies.find(name);
  if (study != sweep.ready.studies.end()) return study->second.version;
  return sweep.ready.studies.size() == 1 ? sweep.ready.studies.begin()->second.version : 1;
}

/// The place of the value that makes a trial a duplicate: the last axis with several values.
Place place_of_duplicate(const Config& config, std::size_t trial,
                         const std::vector<results::Axis>& axes) {
  const auto indices = value_indices(axes, trial);
  for (auto i = indices.size(); i-- > 0;) {
    if (indices[i] > 0) return config.grid[i].values[indices[i]].place;
  }
  return {};
}

void identify_trials(PreparedSweep& sweep, const std::vector<Json>& resolved, Problems& problems) {
  std::vector<std::string> shared(resolved.size());
  std::ranges::transform(resolved, shared.begin(), [&sweep](const Json& settings) {
    return shared_identity(settings, version_of_study(sweep, settings));
  });
  results::TrialIndex first_with;
  sweep.ids.reserve(sweep.grid.trials.size());
  first_with.reserve(sweep.grid.trials.size());
  first_with.reserve(sweep.grid.trials.size());
  for (std::size_t i = 0; i < sweep.grid.trials.size(); ++i) {
    const auto trial = sweep.grid.trials[i];
    sweep.ids.push_back(identify(shared[trial.combination], trial));
    const auto first = first_with.add(sweep.ids.back());
    if (first == i) continue;
    problems.push_back({.place = place_of_duplicate(sweep.config, i, sweep.plan.axes),
                        .what = "trial " + std::to_string(i + 1) + " (" +
                                label_trial(sweep.plan.axes, i) + ") is the same as trial " +
                                std::to_string(first + 1) + " (" +
                                label_trial(sweep.plan.axes, first) + ")",
                        .hint = "name every value once"});
    return;  // one duplicate value makes many duplicate trials
  }
}

std::string program_text(const Config& config) {
  return config.trainer.empty() ? "the trainer"
                                : fmt::format("the trainer {}", fmt::join(config.trainer, " "));
}

/// A name in quotes, its control characters spelled out.
std::string quote(const std::string& name) {
  const auto escaped = Json(name).dump();
  return "'" + escaped.substr(1, escaped.size() - 2) + "'";
}

/// Refuses a name that the trainer declares and that results.h5 cannot hold.
void check_declared_name(const PreparedSweep& sweep, const std::string& kind,
                         const std::string& name, Problems& problems) {
  const auto flaw = results::flaw_of_name(name);
  const bool is_reserved = results::reserved_names().contains(name);
  if (flaw.empty() && !is_reserved) return;
  ConfigProblem problem;
  problem.what = fmt::format("{} declares a {} {}", program_text(sweep.config), kind, quote(name));
  if (!flaw.empty()) problem.what += ", whose name " + flaw + ",";
  problem.hint = is_reserved ? "results.h5 has one of that name, rename it in the trainer"
                             : "results.h5 cannot hold it, rename it in the trainer";
  problems.push_back(std::move(problem));
}

/// Dimensions and variables share their names: one of both must be the coordinates of the other.
void check_declaration(const PreparedSweep& sweep, Problems& problems) {
  std::set<std::string> dims;
  for (const auto& [name, variable] : sweep.plan.variables) {
    check_declared_name(sweep, "variable", name, problems);
    dims.insert(variable.dims.begin(), variable.dims.end());
  }
  for (const auto& dim : dims) {
    const auto variable = sweep.plan.variables.find(dim);
    if (variable == sweep.plan.variables.end()) {
      check_declared_name(sweep, "dim", dim, problems);
    } else if (variable->second.dims != std::vector<std::string>{dim}) {
      ConfigProblem problem;
      problem.what = fmt::format("{} declares {} as a dim and as a variable of other dims",
                                 program_text(sweep.config), quote(dim));
      problem.hint = "rename one of them in the trainer";
      problems.push_back(std::move(problem));
    }
  }
}

/// An axis becomes a variable of results.h5, beside those that are always there.
void check_axis_names(const PreparedSweep& sweep, Problems& problems) {
  auto taken = results::reserved_names();
  taken.insert("epoch");
  for (const auto& [name, variable] : sweep.plan.variables) {
    taken.insert(name);
    taken.insert(variable.dims.begin(), variable.dims.end());
  }
  for (const auto& axis : sweep.config.grid) {
    const auto flaw = results::flaw_of_name(axis.key);
    if (flaw.empty() && !taken.contains(axis.key)) continue;
    problems.push_back({.place = axis.place,
                        .what = "an axis cannot be called '" + axis.key + "'",
                        .hint = flaw.empty() ? "results.h5 has a variable of that name"
                                             : "results.h5 cannot hold a name that " + flaw});
  }
}

Json resolved_config(const PreparedSweep& sweep, const std::vector<Json>& resolved) {
  auto grid = Json::object();
  for (const auto& axis : sweep.plan.axes)
    grid[axis.name] = axis.values;
  return {{"name", sweep.config.name},
          {"trainer", sweep.config.trainer},
          {"grid", grid},
          {"replicate", sweep.config.replicate},
          {"settings", resolved}};
}

void fill_plan(PreparedSweep& sweep) {
  auto& plan = sweep.plan;
  plan.name = sweep.config.name;
  plan.config_text = sweep.config.text;
  plan.axes = std::move(sweep.grid.axes);
  for (const auto& name : sweep.config.replicate) {
    const bool is_axis =
        std::ranges::any_of(plan.axes, [&name](const auto& axis) { return axis.name == name; });
    if (is_axis) plan.replicate.push_back(name);
  }
  for (const auto& name : studies_of(sweep)) {
    plan.study += (plan.study.empty() ? "" : ", ") + name;
    const auto study = sweep.ready.studies.find(name);
    if (study == sweep.ready.studies.end()) continue;
    plan.variables.insert(study->second.variables.begin(), study->second.variables.end());
    plan.headline.insert(plan.headline.end(), study->second.headline.begin(),
                         study->second.headline.end());
  }
}

/// The file for what the trainer measures; the trainer makes its folder. Empty: there is none.
std::filesystem::path cache_of(const SweepChoice& choice, const Config& config) {
  const bool has_fixed_width = config.run.pack_width > 0;
  const auto file = std::filesystem::absolute(output_folder(choice.output, config) / "widths.json");
  const bool may_use = choice.may_make_output || std::filesystem::exists(file);
  return may_use && !has_fixed_width ? file : std::filesystem::path();
}

[[noreturn]] void refuse(const Problems& problems, const std::filesystem::path& path) {
  auto text = describe(problems, path);
  if (problems.size() > 1) {
    text += fmt::format("{} problems, nothing was started\n", problems.size());
  }
  throw ConfigError(text);
}

}  // namespace

protocol::Ready start_first_trainer(TrainerChoice& start, std::unique_ptr<TrainerProcess>& trainer,
                                    const std::filesystem::path& cache) {
  const bool may_use_gpu = start.device != DeviceChoice::cpu && count_visible_gpus() > 0;
  if (may_use_gpu || start.device == DeviceChoice::cuda) {
    try {
      trainer = take_or_start_trainer(start.trainer, std::move(trainer));
      auto ready =
          greet(*trainer, start, map_rank_to_device(start.device, 0, count_visible_gpus()), cache);
      start.device = DeviceChoice::cuda;
      return ready;
    } catch (const protocol::ProtocolError& error) {
      if (start.device == DeviceChoice::cuda) throw;
      trainer.reset();
      std::cerr << "mpisweep: using the CPU (" << error.what() << ")\n";
    }
  }
  start.device = DeviceChoice::cpu;
  trainer = take_or_start_trainer(start.trainer, std::move(trainer));
  return greet(*trainer, start, "cpu");
}

PreparedSweep prepare_sweep(const SweepChoice& choice, std::unique_ptr<TrainerProcess> ahead) {
  Problems problems;
  PreparedSweep sweep;
  sweep.trainer = std::move(ahead);
  sweep.config = read_config(choice.config, choice.overrides, problems);
  const bool was_unreadable =
      !problems.empty() && sweep.config.trial.entries.empty() && sweep.config.grid.empty();
  sweep.grid = expand_grid(sweep.config, problems);
  const bool is_hopeless = was_unreadable || problems.size() >= kMostProblems;
  if (is_hopeless || sweep.grid.combinations.empty()) refuse(problems, choice.config);
  sweep.start = {
      .trainer = {.program = absolute_program(sweep.config), .folder = sweep.config.folder()},
      .device = choice.device,
      .trial_timeout_s = sweep.config.run.trial_timeout_s};
  sweep.ready = start_first_trainer(sweep.start, sweep.trainer, cache_of(choice, sweep.config));
  resolve_paths(sweep);
  const auto resolved = check_settings(sweep, problems);
  fill_plan(sweep);
  check_declaration(sweep, problems);
  check_axis_names(sweep, problems);
  if (problems.empty()) identify_trials(sweep, resolved, problems);
  if (!problems.empty()) refuse(problems, choice.config);
  sweep.plan.config_resolved = resolved_config(sweep, resolved);
  sweep.plan.ids = sweep.ids;
  sweep.config.grid = std::vector<ConfigAxis>();  // served its purpose; 150 bytes for each value
  return sweep;
}

}  // namespace sweep
