#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "results/records.hpp"
#include "sweep/schedule.hpp"
#include "sweep/worker_messages.hpp"

namespace sweep {

class CheckpointFolder;
struct PreparedSweep;

/// Where a worker is.
struct WorkerPlace {
  std::string node = {};
  std::string gpu = {};  ///< its name on the node; empty: none
};

/// Rank 0's bookkeeping: lends packs to workers and turns their reports into trial records. Sends
/// and records through the functions it is given; knows no MPI.
class Coordinator {
 public:
  struct Outlets {
    std::function<void(int rank, const Command&)> send = {};
    std::function<void(const results::TrialRecord&)> record = {};
    std::function<void(const results::PackRecord&)> record_pack = {};
    std::function<void(int rank, const std::string& text)> log =
        {};  ///< trainers' output and events

    /// A pack has ended for good: its checkpoint may go once the results are durable.
    std::function<void(std::uint64_t key)> drop_checkpoint = {};
  };

  /// A worker as the coordinator sees it.
  struct WorkerState {
    results::EndRecord::Worker total = {};
    bool is_ready = false;
    bool is_unable = false;
    bool is_asked_to_return = false;  ///< packs that it has not begun
    double progress = 0;              ///< of the pack that it trains, 0 to 1
    double pack_s = 0;                ///< how long its packs took of late; 0: none has ended
    std::chrono::steady_clock::time_point ready_at = {};
    std::chrono::steady_clock::time_point training_since = {};  ///< its present pack
  };

  /// `sweep`, `checkpoints` (null: packs are not saved) and what the outlets refer to must outlive
  /// the coordinator.
  Coordinator(const PreparedSweep& sweep, Schedule schedule, Outlets outlets,
              const CheckpointFolder* checkpoints);

  /// Asks a rank to start its trainer; it gets packs as soon as it is ready. `place`: where
  /// it is, for the records.
  void start_worker(int rank, const StartWorker& command, const WorkerPlace& place = {});

  /// Takes a rank for one that cannot train.
  void leave_idle(int rank, const WorkerPlace& place, const std::string& reason);

  void handle(int rank, const Report& report);

  /// Does what is due with the time: packs that lie ready and would begin too late are asked back.
  /// Call every few seconds.
  void tick();

  /// Packs that wait and will not be lent, since there was no time for them at the latest call of
  /// handle() or tick().
  HeldBack held_back() const { return schedule_.held_back(); }

  /// True when nothing is training, and there is no time for any pack that waits.
  bool is_out_of_time();

  /// Lends nothing more and asks for the packs that are training. They have been given back, saved
  /// or not, when none is training any more.
  void stop();

  /// True when no pack waits and none is lent.
  bool is_finished() const { return schedule_.is_finished(); }

  /// True once every rank has said that it can train, or that it cannot.
  bool has_heard_of_all() const;

  /// True when packs wait, and no worker is left that could train them.
  bool is_stuck() const;

  /// Why the last unable worker is unable.
  const std::string& last_trouble() const { return last_trouble_; }

  std::size_t num_training() const { return schedule_.num_training(); }

  /// Trials' worth of work under way, from the workers' progress.
  double trials_under_way() const;

  /// What each worker has done until now, in order of rank.
  std::vector<results::EndRecord::Worker> totals() const;

  /// Per rank, in order of rank.
  const std::map<int, WorkerState>& workers() const { return workers_; }

 private:
  void lend_to(int rank);
  void lend_to_idle();
  void ask_for_packs_ahead();
  void ask_for_packs_ahead_of(int rank, WorkerState& worker);
  protocol::PackRequest prepare_request(const Lease& lease);
  void prepare_checkpoint(const Lease& lease, protocol::PackRequest& request);
  void on_ready(int rank, const WorkerReady& ready);
  void on_result(int rank, const protocol::Result& result);
  void on_progress(int rank, const protocol::Progress& progress);
  void on_end_of_pack(int rank, const PackEnd& end);
  void on_returned(int rank, const PackReturned& returned);
  void on_unable(int rank, const WorkerUnable& unable);
  void end_lease(int rank, protocol::Cause cause, const std::string& reason);
  std::uint64_t take_checkpoint(std::int64_t pack);
  void record_failure(int rank, std::size_t trial, protocol::Cause cause, const std::string& reason,
                      int attempts);

  const PreparedSweep& sweep_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  Schedule schedule_;
  Outlets outlets_;
  const CheckpointFolder* checkpoints_;
  std::map<int, WorkerState> workers_;
  std::set<int> idle_;                                    // ranks that found no pack
  std::map<std::int64_t, std::uint64_t> checkpoints_of_;  // keys by pack, of those that are lent
  std::string last_trouble_;
  bool is_stopping_ = false;
};

}  // namespace sweep
