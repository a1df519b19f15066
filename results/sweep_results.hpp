#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "results/journal.hpp"
#include "results/records.hpp"
#include "results/text_pool.hpp"
#include "results/trial_index.hpp"
#include "results/value_column.hpp"

namespace results {

/// How a trial ended, and where its values are. Small, since there may be millions.
struct TrialEnd {
  double elapsed_s = 0;
  int attempts = 1;
  int rank = 0;
  std::uint32_t error = 0;   ///< number in SweepResults::texts
  std::uint32_t device = 0;  ///< number in SweepResults::texts
  std::uint32_t row = 0;     ///< of its values in SweepResults::columns
  protocol::Outcome status = protocol::Outcome::finished;
  protocol::Cause cause = protocol::Cause::none;
  bool has_ended = false;   ///< false: a place kept for a trial of the plan
  bool is_planned = false;  ///< it counts
};

/// How many trials of the present plan ended how.
struct Counts {
  std::size_t total = 0;
  std::size_t finished = 0;
  std::size_t diverged = 0;
  std::size_t failed = 0;
  std::size_t pending() const { return total - finished - diverged - failed; }
};

/// Everything known of a sweep, in memory: the latest plan and the latest end of every trial, also
/// of trials that are no longer in the plan. Made by apply() alone; for everybody else it is to
/// read. A trial takes 56 bytes, its identity in the plan included, and 8 per number it reported.
struct SweepResults {  // NOLINT(bugprone-exception-escape): moving JSON throws nothing
  PlanRecord plan = {};
  std::vector<SessionRecord> sessions = {};
  std::vector<EndRecord> ends = {};
  TrialIndex rows = {};                             ///< of all trials
  std::vector<TrialEnd> trials = {};                ///< by row, pending ones too
  TextPool texts = {};                              ///< errors and devices
  std::map<std::string, ValueColumn> columns = {};  ///< by variable, declared or not
  Counts counts = {};
  std::size_t num_ended = 0;      ///< trials that have ended, in the plan or not
  JournalCondition journal = {};  ///< set by load_results()

  /// The latest end of a trial, or null.
  const TrialEnd* find(TrialId id) const;

  /// The values of a variable, or null if no trial reported any.
  const ValueColumn* find_column(const std::string& variable) const;

  /// The value of one axis for the trial at a position in grid order.
  const nlohmann::json& axis_value(std::size_t axis_index, std::size_t trial_index) const;
};

/// Which of an axis's values the trial at a position in grid order has.
std::size_t value_index(const std::vector<Axis>& axes, std::size_t axis_index,
                        std::size_t trial_index);

/// Takes one record into account; a kind it does not know changes nothing.
/// Throws: StorageError if its payload cannot be read.
void apply(SweepResults& sweep, RecordType type, const std::string& payload);

/// The same for records that need not be read from a payload first.
void apply(SweepResults& sweep, PlanRecord plan);
void apply(SweepResults& sweep, const TrialRecord& record);

/// Reads a whole output folder's journal.
/// Throws: StorageError if there is none or it holds no plan.
SweepResults load_results(const std::filesystem::path& folder);

/// The Slurm jobs that worked on it, in the order of their first runs. One that Slurm started again
/// is there once, as it was the last time.
std::vector<SlurmJob> slurm_jobs(const SweepResults& sweep);

/// Takes no time: apply() keeps the numbers.
Counts count(const SweepResults& sweep);

}  // namespace results
