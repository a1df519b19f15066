#include "results/sweep_results.hpp"

#include <algorithm>
#include <utility>

namespace results {
namespace {

using protocol::Outcome;

std::size_t& count_of(Counts& counts, Outcome outcome) {
  switch (outcome) {
    case Outcome::finished:
      return counts.finished;
    case Outcome::diverged:
      return counts.diverged;
    case Outcome::failed:
      break;
  }
  return counts.failed;
}

bool is_planned(const SweepResults& sweep, TrialId id) {
  return std::ranges::binary_search(sweep.sorted_ids, id);
}

Counts count_afresh(const SweepResults& sweep) {
  Counts counts = {.total = sweep.sorted_ids.size()};
  for (const auto& [id, trial] : sweep.trials) {
    if (is_planned(sweep, id)) ++count_of(counts, trial.status);
  }
  return counts;
}

void apply_plan(SweepResults& sweep, PlanRecord plan) {
  sweep.sorted_ids = plan.ids;
  std::ranges::sort(sweep.sorted_ids);
  sweep.plan = std::move(plan);
  sweep.counts = count_afresh(sweep);
}

/// Sets the row in every column: what this end does not report, a former one may have.
void set_values(SweepResults& sweep, std::size_t row, const nlohmann::json& values) {
  for (auto& [name, column] : sweep.columns) {
    if (!values.contains(name)) column.set(row, nullptr);
  }
  for (const auto& [name, value] : values.items())
    sweep.columns[name].set(row, value);
}

void apply_trial(SweepResults& sweep, TrialRecord record) {
  const auto next_row = sweep.trials.size();
  const auto [place, is_new] = sweep.trials.try_emplace(record.id, TrialEnd{.row = next_row});
  auto& trial = place->second;
  if (is_planned(sweep, record.id)) {
    if (!is_new) --count_of(sweep.counts, trial.status);
    ++count_of(sweep.counts, record.status);
  }
  set_values(sweep, trial.row, record.values);
  trial = {.id = record.id,
           .status = record.status,
           .cause = record.cause,
           .error = std::move(record.error),
           .attempts = record.attempts,
           .elapsed_s = record.elapsed_s,
           .rank = record.rank,
           .device = std::move(record.device),
           .row = trial.row};
}

}  // namespace

const TrialEnd* SweepResults::find(TrialId id) const {
  const auto found = trials.find(id);
  return found == trials.end() ? nullptr : &found->second;
}

const ValueColumn* SweepResults::find_column(const std::string& variable) const {
  const auto found = columns.find(variable);
  return found == columns.end() ? nullptr : &found->second;
}

const nlohmann::json& SweepResults::axis_value(std::size_t axis_index,
                                               std::size_t trial_index) const {
  return plan.axes[axis_index].values[value_index(plan.axes, axis_index, trial_index)];
}

std::size_t value_index(const std::vector<Axis>& axes, std::size_t axis_index,
                        std::size_t trial_index) {
  for (auto faster = axes.size() - 1; faster > axis_index; --faster) {
    trial_index /= axes[faster].values.size();
  }
  return trial_index % axes[axis_index].values.size();
}

void apply(SweepResults& sweep, RecordType type, const std::string& payload) {
  switch (type) {
    case RecordType::plan:
      apply_plan(sweep, parse_plan(payload));
      break;
    case RecordType::session:
      sweep.sessions.push_back(parse_session(payload));
      break;
    case RecordType::trial:
      apply_trial(sweep, parse_trial(payload));
      break;
    case RecordType::end:
      sweep.ends.push_back(parse_end(payload));
      break;
    case RecordType::format:
    case RecordType::pack:
      break;
  }
}

SweepResults load_results(const std::filesystem::path& folder) {
  const auto path = folder / "journal";
  if (!std::filesystem::exists(path)) {
    throw StorageError("no results in " + folder.string() + " (there is no " + path.string() +
                       "), name the folder that `mpisweep run` wrote");
  }
  SweepResults sweep;
  sweep.journal = read_journal(
      path, [&sweep](RecordType type, const std::string& payload) { apply(sweep, type, payload); });
  if (!sweep.plan.ids.empty()) return sweep;
  throw StorageError(path.string() + " holds no plan (its sweep was stopped before it began)");
}

Counts count(const SweepResults& sweep) {
  return sweep.counts;
}

}  // namespace results
