#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "sweep/trainer_process.hpp"
#include "sweep/worker_messages.hpp"

namespace sweep {

class Communicator;

/// The part of every rank that owns a device: keeps one trainer alive, hands it packs and turns
/// what it says, or its silence, into reports. Never waits but in wait() and its destructor.
class Worker {
 public:
  /// `local_rank` counts the ranks of this node from 0 and decides which GPU is ours.
  explicit Worker(int local_rank) : local_rank_(local_rank) {}
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Takes over a trainer that is ready already. Call before StartWorker is handled.
  void adopt(std::unique_ptr<TrainerProcess> trainer, const protocol::Ready& ready);

  void handle(const Command& command);

  /// What has happened since the last call.
  std::vector<Report> poll();

  /// Waits until the trainer says something or the time is over.
  void wait(std::chrono::milliseconds patience) const;

  bool has_quit() const { return has_quit_; }

 private:
  using Clock = std::chrono::steady_clock;

  void start(const StartWorker& start);
  void start_trainer();
  void lend(const protocol::PackRequest& pack);
  void stop_pack();
  void take_messages();
  void take_message(const protocol::Message& message);
  template <class End>
  void end_pack(const End& end);
  bool take_trial(const protocol::Result& result);
  void forward(const protocol::Progress& progress);
  void forward_output();
  void become_ready(const protocol::Ready& ready);
  void check_silence();
  void lose_trainer(const std::string& reason, protocol::Cause cause = protocol::Cause::crash);
  void report(Report report) { reports_.push_back(std::move(report)); }

  int local_rank_;
  StartWorker settings_;
  std::unique_ptr<TrainerProcess> trainer_;
  std::optional<protocol::PackRequest> pack_;  // lent to us
  std::unordered_set<std::string> lent_;       // ids of its trials that lack a result
  bool is_ready_ = false;                      // the trainer has answered hello
  bool was_ready_ = false;                     // ... or an earlier one has
  bool has_quit_ = false;
  Clock::time_point last_message_ = {};
  Clock::time_point last_progress_ = {};  // that was passed on
  Clock::time_point last_output_ = {};    // ... likewise
  std::vector<Report> reports_;
};

/// Serves the coordinator on rank 0 until it says quit.
/// MPI: for every rank but 0.  Throws: MpiError.
void serve_coordinator(Communicator& world);

}  // namespace sweep
