#include "sweep/commands/plan.hpp"

#include <algorithm>
#include <iostream>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sweep/clock.hpp"
#include "sweep/outlook.hpp"

namespace sweep {
namespace {

constexpr std::size_t kMostValuesShown = 8;

std::string text_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

/// "0..4", or the values with commas, the middle of a long list left out.
std::string describe_values(const std::vector<nlohmann::json>& values) {
  const bool is_range =
      values.size() > 2 &&
      std::ranges::all_of(values, [](const auto& value) { return value.is_number_integer(); }) &&
      std::ranges::adjacent_find(values, [](const auto& a, const auto& b) {
        return b.template get<std::int64_t>() - a.template get<std::int64_t>() != 1;
      }) == values.end();
  if (is_range) return text_of(values.front()) + ".." + text_of(values.back());
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i == kMostValuesShown) return text + fmt::format(", ... ({} values)", values.size());
    text += (i == 0 ? "" : ", ") + text_of(values[i]);
  }
  return text;
}

/// What a run would do, for people and for scripts.
struct Outlook {
  std::size_t num_trials = 0;
  std::size_t num_to_do = 0;
  Workload work = {};
  std::filesystem::path folder = {};
  double memory_bytes = 0;    ///< of the hungriest pack
  double seconds = -1;        ///< until all is done; negative: nothing to tell it from
  std::size_t num_ended = 0;  ///< trials here that tell how long one takes
  int num_ranks = 0;
};

/// As if the trials to do took as long as those that have ended in the folder.
void estimate_time(Outlook& outlook, const results::SweepResults& results) {
  double sum = 0;
  for (const auto& trial : results.trials) {
    if (!trial.has_ended || trial.elapsed_s <= 0) continue;
    sum += trial.elapsed_s;
    ++outlook.num_ended;
  }
  if (outlook.num_ended == 0) return;
  outlook.seconds = sum / static_cast<double>(outlook.num_ended) *
                    static_cast<double>(outlook.num_to_do) / outlook.num_ranks;
}

Outlook look_ahead(const PlanOptions& options, const PreparedSweep& sweep) {
  Outlook outlook{.num_trials = sweep.ids.size(),
                  .folder = output_folder(options.session.choice.output, sweep.config),
                  .num_ranks = options.ranks > 0 ? options.ranks : default_num_ranks(sweep)};
  const auto results = results_in(outlook.folder);
  const auto todo = trials_to_do(sweep, results, options.session.retry_failed);
  outlook.num_to_do = todo.size();
  outlook.work.groups = group_trials(sweep, todo, outlook.num_ranks);
  for (const auto& group : outlook.work.groups) {
    outlook.memory_bytes = std::max(outlook.memory_bytes, sweep.memory_bytes[group.combination]);
  }
  estimate_time(outlook, results);
  return outlook;
}

std::string describe_packs(const Workload& work) {
  std::size_t widest = 0;
  auto narrowest = std::numeric_limits<std::size_t>::max();
  for (const auto& [combination, trials, max_width] : work.groups) {
    widest = std::max(widest, width_of_widest(trials.size(), max_width));
    narrowest = std::min(narrowest, trials.size() / count_packs(trials.size(), max_width));
  }
  if (widest == 0) return "0 packs";
  return fmt::format("{} packs of {}{} (same settings; seeds and learning rates together)",
                     count_packs(work), narrowest == widest ? "" : fmt::format("{} to ", narrowest),
                     widest);
}

void print_text(const PreparedSweep& sweep, const Outlook& outlook) {
  const auto& plan = sweep.plan;
  std::size_t width = 0;
  for (const auto& axis : plan.axes)
    width = std::max(width, axis.name.size());
  std::cout << fmt::format("{}   study {}\n", plan.name, plan.study.empty() ? "?" : plan.study);
  for (const auto& axis : plan.axes) {
    const bool is_replicate = std::ranges::find(plan.replicate, axis.name) != plan.replicate.end();
    std::cout << fmt::format("  {:<{}}   {}{}\n", axis.name, width, describe_values(axis.values),
                             is_replicate ? "   replicates" : "");
  }
  std::cout << fmt::format("{} trials, {} to do in {}\n", outlook.num_trials, outlook.num_to_do,
                           outlook.folder.string());
  std::cout << describe_packs(outlook.work) << '\n';
  std::cout << fmt::format("{} {} rank{}", outlook.num_ranks,
                           sweep.start.device == DeviceChoice::cuda ? "GPU" : "CPU",
                           outlook.num_ranks == 1 ? "" : "s");
  if (outlook.memory_bytes > 0) {
    std::cout << fmt::format(", about {:.2g} GB of memory each", outlook.memory_bytes / 1e9);
  }
  if (outlook.seconds >= 0 && outlook.num_to_do > 0) {
    std::cout << fmt::format(", about {} (from {} trials that have ended)",
                             format_duration(outlook.seconds), outlook.num_ended);
  }
  std::cout << '\n';
}

void print_json(const PreparedSweep& sweep, const Outlook& outlook) {
  auto axes = nlohmann::json::object();
  for (const auto& axis : sweep.plan.axes)
    axes[axis.name] = axis.values;
  std::cout << nlohmann::json{{"name", sweep.plan.name},
                              {"study", sweep.plan.study},
                              {"axes", axes},
                              {"trials", outlook.num_trials},
                              {"to_do", outlook.num_to_do},
                              {"packs", count_packs(outlook.work)},
                              {"ranks", outlook.num_ranks},
                              {"memory_bytes", outlook.memory_bytes},
                              {"seconds", outlook.seconds < 0 ? nlohmann::json(nullptr)
                                                              : nlohmann::json(outlook.seconds)},
                              {"output", outlook.folder.string()},
                              {"resolved", sweep.plan.config_resolved}}
                   .dump(2)
            << '\n';
}

}  // namespace

int plan_command(const PlanOptions& options) {
  auto choice = options.session.choice;
  choice.may_make_output = false;
  const auto sweep = prepare_sweep(choice);
  const auto outlook = look_ahead(options, sweep);
  if (options.as_json) {
    print_json(sweep, outlook);
  } else {
    print_text(sweep, outlook);
  }
  return to_int(ExitCode::success);
}

}  // namespace sweep
