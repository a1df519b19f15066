#include "trainer/noop.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "trainer/settings.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kName = "noop";
constexpr int kVersion = 1;       // raise it whenever equal settings would give other results
constexpr int kPackWidth = 1000;  // a message of 100 KB asks for as many trials
constexpr double kMessageSeconds = 1e-5;  // of a trial that takes no time
constexpr std::chrono::milliseconds kLongestNap{10};

Schema make_schema() {
  Setting study = {.key = "study",
                   .declaration = {.type = "string",
                                   .default_value = kName,
                                   .values = {kName},
                                   .help = "this study, which trains nothing"}};
  const Setting seconds = {.key = "seconds",
                           .declaration = {.type = "float",
                                           .default_value = 0.0,
                                           .min = 0.0,
                                           .max = 1e6,
                                           .help = "that a trial takes, asleep; a pack takes "
                                                   "those of its trials one after the other"}};
  return {.settings = {study, whole_number("epochs", 0, 0, "last entry of the curve; 0: no curve"),
                       seconds}};
}

protocol::StudyDeclaration declare() {
  return {.version = kVersion,
          .settings = declarations(make_schema()),
          .variables = {{"value", {.long_name = "seed times learning rate"}},
                        {"curve", {.dims = {"epoch"}, .long_name = "value / (epoch + 1)"}}},
          .headline = {"value"}};
}

Verdict check(const json& settings) {
  auto [resolved, problems] = resolve(make_schema(), settings);
  Verdict verdict = {
      .problems = std::move(problems), .resolved = std::move(resolved), .pack_width = kPackWidth};
  if (!verdict.problems.empty()) return verdict;
  verdict.cost = kMessageSeconds + verdict.resolved.at("seconds").get<double>();
  return verdict;
}

json values_of(const protocol::TrialRequest& trial, int epochs) {
  const auto value = static_cast<double>(trial.seed.value_or(0)) * trial.learning_rate.value_or(1);
  json values = {{"value", value}};
  for (int epoch = 0; epochs > 0 && epoch <= epochs; ++epoch)
    values["curve"].push_back(value / (epoch + 1));
  return values;
}

/// Sleeps until a time, with a word of progress now and then. False if it is told to stop first.
bool sleep_until(Clock::time_point end, int num_done, int num_trials,
                 const PackListener& listener) {
  while (!listener.should_stop()) {
    const auto now = Clock::now();
    if (now >= end) return true;
    listener.on_step(num_done, num_trials);
    std::this_thread::sleep_for(std::min<Clock::duration>(end - now, kLongestNap));
  }
  return false;
}

void train(const protocol::PackRequest& request, const PackListener& listener) {
  const auto verdict = check(request.settings);
  if (!verdict.problems.empty()) {
    const auto& first = verdict.problems.front();
    throw SettingError(first.key, first.problem, first.hint);
  }
  const int epochs = verdict.resolved.at("epochs");
  const std::chrono::duration<double> trial_time(verdict.resolved.at("seconds").get<double>());
  const auto begin = Clock::now();
  const auto num_trials = static_cast<int>(request.trials.size());
  for (int i = 0; i < num_trials; ++i) {
    const auto end = begin + std::chrono::duration_cast<Clock::duration>((i + 1) * trial_time);
    if (!sleep_until(end, i, num_trials, listener)) return;
    const auto& trial = request.trials[static_cast<std::size_t>(i)];
    listener.on_result({.pack = request.pack,
                        .id = trial.id,
                        .values = values_of(trial, epochs),
                        .error = {},
                        .elapsed_s = trial_time.count()});
  }
}

}  // namespace

Study noop() {
  return {.name = kName, .declaration = declare(), .check = check, .train = train};
}

}  // namespace trainer
