#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "results/journal.hpp"
#include "results/sweep_results.hpp"

namespace sweep {

/// Keeps what happens: in the journal at once, durable within a second, and in results.h5 every
/// minute. One per output folder; the caller holds the folder's lock.
class Recorder {
 public:
  /// Opens the folder's journal and reads what it holds.
  /// Throws: results::StorageError.
  explicit Recorder(const std::filesystem::path& folder);

  const results::SweepResults& results() const { return results_; }

  /// What reading the journal found besides good records; empty if all is well.
  const results::JournalCondition& condition() const { return condition_; }

  /// Records the plan unless it is the one that counts already.
  void record(results::PlanRecord plan);
  void record(const results::SessionRecord& session);
  void record(const results::TrialRecord& trial);
  void record(const results::EndRecord& end);

  /// Does what is due by now: fsync, results.h5. Call often.
  void tick();

  /// Makes everything durable and brings results.h5 up to date, unless it is already.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  void append(results::RecordType type, const std::string& payload);
  void write_results();
  bool is_results_file_missing() const;

  std::filesystem::path folder_;
  results::SweepResults results_;
  results::JournalCondition condition_;
  results::JournalWriter journal_;
  bool has_unwritten_results_ = false;
  Clock::time_point last_sync_ = Clock::now();
  Clock::time_point last_write_ = Clock::now();
};

}  // namespace sweep
