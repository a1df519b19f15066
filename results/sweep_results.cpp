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

Counts count_afresh(const SweepResults& sweep) {
  Counts counts = {.total = sweep.plan.ids.size()};
  for (const auto& trial : sweep.trials) {
    if (trial.is_planned && trial.has_ended) ++count_of(counts, trial.status);
  }
  return counts;
}

/// The place of a trial, which is made if it is new.
TrialEnd& place_of(SweepResults& sweep, TrialId id) {
  const auto row = sweep.rows.add(id);
  if (row == sweep.trials.size()) {
    sweep.trials.push_back({.row = static_cast<std::uint32_t>(row)});
  }
  return sweep.trials[row];
}

/// Sets the row in every column: what this end does not report, a former one may have.
void set_values(SweepResults& sweep, std::size_t row, const nlohmann::json& values) {
  for (auto& [name, column] : sweep.columns) {
    if (!values.contains(name)) column.set(row, nullptr);
  }
  for (const auto& [name, value] : values.items())
    sweep.columns[name].set(row, value);
}

}  // namespace

const TrialEnd* SweepResults::find(TrialId id) const {
  const auto row = rows.find(id);
  return row && trials[*row].has_ended ? &trials[*row] : nullptr;
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
      apply(sweep, parse_plan(payload));
      break;
    case RecordType::session:
      sweep.sessions.push_back(parse_session(payload));
      break;
    case RecordType::trial:
      apply(sweep, parse_trial(payload));
      break;
    case RecordType::end:
      sweep.ends.push_back(parse_end(payload));
      break;
    case RecordType::format:
    case RecordType::pack:
      break;
  }
}

void apply(SweepResults& sweep, PlanRecord plan) {
  sweep.plan = std::move(plan);
  const auto& ids = sweep.plan.ids;
  for (auto& trial : sweep.trials)
    trial.is_planned = false;
  sweep.rows.reserve(ids.size());
  sweep.trials.reserve(ids.size());
  for (const auto id : ids)
    place_of(sweep, id).is_planned = true;
  sweep.counts = count_afresh(sweep);
}

void apply(SweepResults& sweep, const TrialRecord& record) {
  auto& trial = place_of(sweep, record.id);
  if (trial.is_planned) {
    if (trial.has_ended) --count_of(sweep.counts, trial.status);
    ++count_of(sweep.counts, record.status);
  }
  if (!trial.has_ended) ++sweep.num_ended;
  set_values(sweep, trial.row, record.values);
  trial = {.elapsed_s = record.elapsed_s,
           .attempts = record.attempts,
           .rank = record.rank,
           .error = sweep.texts.add(record.error),
           .device = sweep.texts.add(record.device),
           .row = trial.row,
           .status = record.status,
           .cause = record.cause,
           .has_ended = true,
           .is_planned = trial.is_planned};
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

std::vector<SlurmJob> slurm_jobs(const SweepResults& sweep) {
  std::vector<SlurmJob> jobs;
  for (const auto& session : sweep.sessions) {
    if (!session.slurm) continue;
    const auto known = std::ranges::find_if(jobs, [&session](const SlurmJob& job) {
      return job.id == session.slurm->id && job.cluster == session.slurm->cluster;
    });
    if (known == jobs.end()) {
      jobs.push_back(*session.slurm);
    } else {
      *known = *session.slurm;
    }
  }
  return jobs;
}

Counts count(const SweepResults& sweep) {
  return sweep.counts;
}

}  // namespace results
