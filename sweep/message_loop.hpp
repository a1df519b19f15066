#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "sweep/coordinator.hpp"
#include "sweep/deadline.hpp"
#include "sweep/device_assignment.hpp"
#include "sweep/prepare.hpp"
#include "sweep/progress.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/schedule.hpp"
#include "sweep/session_report.hpp"
#include "sweep/worker.hpp"

namespace sweep {

class Communicator;

/// What rank 0 has of a run when the training begins.
struct RunParts {
  PreparedSweep& sweep;  ///< its warm trainer becomes that of rank 0
  RunFolder& folder;
  SessionReport& report;
  const Deadline& deadline;
  Communicator& world;
};

/// Whether the packs of a sweep are saved while they train.
bool saves_packs(const PreparedSweep& sweep);

/// Carries messages between the coordinator and all workers, rank 0's own among them, until every
/// pack has ended or the run has to stop.
class MessageLoop {
 public:
  /// `num_trials`: in the schedule. What the parts refer to must outlive the loop.
  MessageLoop(const RunParts& parts, Schedule schedule, std::size_t num_trials);
  ~MessageLoop() = default;
  MessageLoop(const MessageLoop&) = delete;
  MessageLoop& operator=(const MessageLoop&) = delete;

  /// Starts the workers and serves them until all is done, a signal comes or the time is over; what
  /// trains then is saved as far as the grace period allows. `views`: what each rank sees.
  /// MPI: rank 0 only, while the others are in serve_coordinator().  Throws: std::runtime_error if
  /// no rank can train.
  void run(const std::vector<RankView>& views);

  const RunProgress& progress() const { return progress_; }

  /// What each worker has done until now.
  results::Workers totals() const { return coordinator_.totals(); }

  /// Whether run() stopped for want of time.
  bool is_time_over() const { return is_time_over_; }

 private:
  using Clock = std::chrono::steady_clock;

  Coordinator::Outlets outlets();
  void start_workers(const std::vector<RankView>& views);
  void exchange_messages();
  void save_packs();
  bool handle_reports();
  bool handle_own_reports();
  bool should_stop();
  void update_progress();
  void do_what_is_due();
  void send(int rank, const Command& command);
  void record(const results::TrialRecord& trial);
  void drop_checkpoint(std::uint64_t key);

  RunParts parts_;
  Worker worker_;
  Coordinator coordinator_;
  TimeEstimate estimate_;
  RunProgress progress_;
  Clock::time_point begin_ = {};
  Clock::time_point last_due_ = {};
  bool is_time_over_ = false;
};

}  // namespace sweep
