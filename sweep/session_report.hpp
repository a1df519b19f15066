#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "sweep/coordinator.hpp"
#include "sweep/progress.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/status_file.hpp"

namespace sweep {

/// How far the training of a run has come.
struct RunProgress {
  std::size_t num_left = 0;   ///< trials without a result
  std::size_t num_ended = 0;  ///< in this run
  double elapsed_s = 0;
  TimeLeft left = {};
};

/// What a run says of itself: to people on standard error, and in status.json for those who look
/// from outside. A status.json that cannot be written costs nothing else.
class SessionReport {
 public:
  /// `folder` must outlive the report.
  SessionReport(RunFolder& folder, int num_ranks);

  /// Whom the folder was taken from, and what is wrong with its journal.
  void tell_condition() const;

  /// There is something to do. `job_end` in UTC; empty: it has no limit that we know of.
  void begin(std::size_t num_to_do, const std::string& job_end);

  void tell_plan(std::size_t num_packs) const;
  void tell_finding(const std::string& finding) const;

  /// Says once which ranks train on what.
  void announce_workers(const Coordinator& coordinator);

  /// Says once what there is no time for.
  void tell_held_back(const HeldBack& held);

  void tell_time_is_over();

  /// Tells once of a file that could not be written, and that the sweep goes on without; nothing of
  /// an empty trouble.
  void warn_once(const std::string& trouble);

  /// The progress line, if it is time for it.
  void show_progress(const RunProgress& progress, std::size_t packs_training);
  void clear_progress() { printer_.clear(); }

  void save_running(const TimeLeft& left, const Coordinator& coordinator);

  /// `state`: finished | stopped
  void save_end(const std::string& state, const results::Workers& workers);

  /// A run that was killed after its last trial still says of itself that it trains.
  void save_end_of_the_dead();

  void tell_nothing_to_do() const;

  /// `signal` 0: for want of time.
  void tell_stop(int signal, std::size_t num_left) const;

  /// What has come out, with the table on standard output.
  void tell_end(const RunProgress& progress, double busy_share) const;

  /// Whether a file beside the journal could not be written the last time.
  bool has_trouble() const;
  void tell_trouble() const;

 private:
  void save(const std::string& state, const results::Workers& workers, std::size_t packs_training);

  RunFolder& folder_;
  ProgressPrinter printer_;
  SweepStatus status_;  // what the journal does not know of it
  bool is_announced_ = false;
  bool has_told_held_back_ = false;
  std::string status_trouble_ = {};  // why status.json could not be written the last time
  std::set<std::string> warnings_ = {};
};

}  // namespace sweep
