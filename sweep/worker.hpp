#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "sweep/trainer_process.hpp"
#include "sweep/worker_messages.hpp"

namespace sweep {

class Communicator;

/// Of a rank that waits for MPI and its trainer: longer and longer while nothing happens.
inline constexpr std::chrono::milliseconds kShortestWait{1};
inline constexpr std::chrono::milliseconds kLongestWait{10};

/// The part of every rank that owns a device: keeps one trainer alive, hands it one pack after the
/// other and turns what it says, or its silence, into reports. Packs that are lent while one trains
/// stay here, where no trainer can lose them. Never waits but in wait() and its destructor.
class Worker {
 public:
  /// `ahead` is a trainer that nobody has greeted, or null. It is kept for so long: rank 0 may wait
  /// for hours for its folder.
  explicit Worker(std::unique_ptr<TrainerProcess> ahead = nullptr,
                  std::chrono::milliseconds patience = std::chrono::minutes(1));
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

  /// A pack that is lent to us.
  struct LentPack {
    std::int64_t number = 0;
    std::unordered_set<std::string> trials = {};  ///< ids of those without a result
    std::string request = {};                     ///< as the trainer gets it
  };

  void start(const StartWorker& start);
  void start_trainer();
  void lend(const protocol::PackRequest& pack);
  void hand_over();
  void stop_pack();
  void return_packs();
  void take_messages();
  void take_message(const protocol::Message& message);
  bool is_training(std::int64_t pack) const;
  void end_pack(protocol::Cause cause, const std::string& reason);
  bool take_trial(const protocol::Result& result);
  void forward(const protocol::Progress& progress);
  void forward_output();
  void become_ready(const protocol::Ready& ready);
  void check_silence();
  /// Packs that it has not begun wait for the next trainer.
  void lose_trainer(const std::string& reason, protocol::Cause cause = protocol::Cause::crash);
  template <class Kind>
  void report(Kind what) {
    reports_.emplace_back(std::move(what));
  }

  StartWorker settings_;
  std::unique_ptr<TrainerProcess> ahead_;  // until we know which trainer is wanted
  std::chrono::milliseconds patience_;     // with it
  Clock::time_point begin_ = Clock::now();
  std::unique_ptr<TrainerProcess> trainer_;
  std::deque<LentPack> packs_;  // in the order of their training
  bool is_training_ = false;    // the trainer has the first of them
  bool has_trained_ = false;    // the trainer has ended one
  bool is_ready_ = false;       // the trainer has answered hello
  bool was_ready_ = false;      // ... or an earlier one has
  bool has_quit_ = false;
  Clock::time_point handed_over_ = {};  // when the trainer got its pack
  Clock::time_point last_message_ = {};
  Clock::time_point last_progress_ = {};  // that was passed on
  Clock::time_point last_output_ = {};    // ... likewise
  std::vector<Report> reports_;
};

/// Serves the coordinator on rank 0 until it says quit. `ahead` is as Worker's.
/// MPI: for every rank but 0.  Throws: MpiError.
void serve_coordinator(Communicator& world, std::unique_ptr<TrainerProcess> ahead);

}  // namespace sweep
