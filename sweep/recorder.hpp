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
  /// Opens the folder's journal and reads what it holds, also of the packs that these checkpoints
  /// belong to.  Throws: results::StorageError.
  explicit Recorder(const std::filesystem::path& folder,
                    const std::vector<std::uint64_t>& checkpoints = {});

  const results::SweepResults& results() const { return results_; }

  /// What reading the journal found besides good records; empty if all is well.
  const results::JournalCondition& condition() const { return condition_; }

  /// Records the plan unless it is the one that counts already.
  void record(results::PlanRecord plan);
  void record(const results::SessionRecord& session);
  void record(const results::TrialRecord& trial);
  void record(const results::EndRecord& end);
  void record(const results::PackRecord& pack);

  /// The packs of the checkpoints that were asked for, as far as the journal knows them.
  const std::vector<results::PackRecord>& saved_packs() const { return saved_packs_; }

  /// Makes everything recorded so far durable.
  void sync();

  /// Does what is due by now: fsync, results.h5. Call often.
  /// Throws: results::StorageError if the journal cannot be kept.
  void tick();

  /// Makes everything durable and brings results.h5 up to date, unless it is already.
  /// Throws: results::StorageError if the journal cannot be kept.
  void finish();

  /// Why results.h5 could not be written the last time, empty if it could. It can wait: the journal
  /// has everything, and tick() tries again.
  const std::string& results_trouble() const { return results_trouble_; }

 private:
  using Clock = std::chrono::steady_clock;

  void append(results::RecordType type, const std::string& payload);
  void write_results();
  bool is_results_file_behind() const;

  std::filesystem::path folder_;
  results::SweepResults results_;
  std::vector<results::PackRecord> saved_packs_;  // set while the journal is read, so above it
  results::JournalCondition condition_;
  results::JournalWriter journal_;
  bool has_unwritten_results_ = false;
  std::string results_trouble_ = {};
  Clock::time_point last_sync_ = Clock::now();
  Clock::time_point last_write_ = Clock::now();
};

}  // namespace sweep
