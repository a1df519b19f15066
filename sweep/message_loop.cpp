#include "sweep/message_loop.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "sweep/clock.hpp"
#include "sweep/comm.hpp"
#include "sweep/stop_signals.hpp"

namespace sweep {
namespace {

constexpr std::chrono::seconds kDuePause{2};  // between heartbeats, and between status files
constexpr double kShareOfGrace = 0.6;         // for the trainers; the rest is for our own files

}  // namespace

bool saves_packs(const PreparedSweep& sweep) {
  return sweep.config.run.checkpoint_every_s > 0;
}

MessageLoop::MessageLoop(const RunParts& parts, Schedule schedule, std::size_t num_trials)
    : parts_(parts),
      coordinator_(parts.sweep, std::move(schedule), outlets(),
                   saves_packs(parts.sweep) ? &parts.folder.checkpoints : nullptr),
      progress_{.num_left = num_trials} {
  auto& trainer = parts_.sweep.trainer;
  if (trainer) worker_.adopt(std::move(trainer), parts_.sweep.ready);
}

Coordinator::Outlets MessageLoop::outlets() {
  return {.send = [this](int rank, const Command& command) { send(rank, command); },
          .record = [this](const auto& trial) { record(trial); },
          .record_pack = [this](const auto& pack) { parts_.folder.recorder.record(pack); },
          .log = [this](int rank, const auto& text) { parts_.folder.log.write(rank, text); },
          .drop_checkpoint = [this](std::uint64_t key) { drop_checkpoint(key); }};
}

void MessageLoop::run(const std::vector<RankView>& views) {
  start_workers(views);
  begin_ = Clock::now();
  exchange_messages();
  if (!coordinator_.is_finished()) save_packs();
  progress_.elapsed_s = seconds_since(begin_);
  parts_.report.announce_workers(coordinator_);
  parts_.report.clear_progress();
}

void MessageLoop::start_workers(const std::vector<RankView>& views) {
  const auto& start = parts_.sweep.start;
  const auto assignment = assign_devices(start.device == DeviceChoice::cuda, views);
  for (const auto& finding : assignment.findings)
    parts_.report.tell_finding(finding);
  for (int rank = 0; rank < parts_.world.size(); ++rank) {
    const auto& [device, gpu] = assignment.ranks[static_cast<std::size_t>(rank)];
    const auto& node = views[static_cast<std::size_t>(rank)].node;
    if (device.empty()) {
      coordinator_.leave_idle(rank, {.node = node}, "no GPU is visible on " + node);
    } else {
      coordinator_.start_worker(
          rank,
          {.trainer = start.trainer, .device = device, .trial_timeout_s = start.trial_timeout_s},
          {.node = node, .gpu = gpu});
    }
  }
}

void MessageLoop::exchange_messages() {
  auto patience = kShortestWait;
  while (!coordinator_.is_finished() && !should_stop()) {
    const bool was_idle = !handle_reports();
    if (coordinator_.is_stuck()) {
      throw std::runtime_error("no rank can train, " + coordinator_.last_trouble());
    }
    parts_.folder.recorder.tick();
    parts_.report.warn_once(parts_.folder.recorder.results_trouble());
    if (coordinator_.has_heard_of_all()) parts_.report.announce_workers(coordinator_);
    update_progress();
    parts_.report.show_progress(progress_, coordinator_.num_training());
    do_what_is_due();
    patience = was_idle ? std::min(2 * patience, kLongestWait) : kShortestWait;
    if (was_idle) worker_.wait(patience);
  }
}

/// Asks all trainers to save and waits for them, for most of the grace period.
void MessageLoop::save_packs() {
  const auto grace = std::chrono::duration<double>(parts_.sweep.config.run.grace_s);
  const auto begin = Clock::now();
  coordinator_.stop();
  while (coordinator_.num_training() > 0 && Clock::now() - begin < kShareOfGrace * grace) {
    if (!handle_reports()) worker_.wait(kShortestWait);
  }
}

/// Handles about a message of each rank; what ranks say without end must not keep the journal
/// from the disk. False if there was nothing to handle.
bool MessageLoop::handle_reports() {
  bool has_handled = handle_own_reports();
  for (int i = 0; i < parts_.world.size(); ++i) {
    const auto envelope = parts_.world.receive();
    if (!envelope) break;
    for (const auto& report : parse_reports(envelope->text)) {
      coordinator_.handle(envelope->rank, report);
    }
    handle_own_reports();
    has_handled = true;
  }
  return has_handled;
}

/// Our own trainer must not wait for its next pack until all ranks have been heard.
bool MessageLoop::handle_own_reports() {
  const auto reports = worker_.poll();
  for (const auto& report : reports)
    coordinator_.handle(0, report);
  return !reports.empty();
}

/// After a signal, when the time is over, or too late for any pack that is left; people are told.
bool MessageLoop::should_stop() {
  if (stop_signal() != 0) return true;
  if (!parts_.deadline.is_set()) return false;
  if (coordinator_.is_out_of_time()) {
    parts_.report.tell_held_back(coordinator_.held_back());
    return is_time_over_ = true;
  }
  if (parts_.deadline.left_s() > 0) return false;
  parts_.report.tell_time_is_over();
  return is_time_over_ = true;
}

void MessageLoop::update_progress() {
  progress_.elapsed_s = seconds_since(begin_);
  progress_.left =
      estimate_.left(progress_.elapsed_s, coordinator_.trials_under_way(), progress_.num_left);
}

/// Every few seconds: a sign of life, a look at the time, status.json.
void MessageLoop::do_what_is_due() {
  const auto now = Clock::now();
  if (now - last_due_ < kDuePause) return;
  last_due_ = now;
  parts_.folder.lock.beat();
  coordinator_.tick();
  if (parts_.deadline.is_set()) parts_.report.tell_held_back(coordinator_.held_back());
  parts_.report.save_running(progress_.left, coordinator_);
}

void MessageLoop::send(int rank, const Command& command) {
  if (rank == 0) {
    worker_.handle(command);
  } else {
    parts_.world.post(rank, serialize(command));
  }
}

void MessageLoop::record(const results::TrialRecord& trial) {
  parts_.folder.recorder.record(trial);
  estimate_.add(trial.elapsed_s);
  --progress_.num_left;
  ++progress_.num_ended;
}

/// The results of its pack must be safe before the state goes from which they could be had again.
void MessageLoop::drop_checkpoint(std::uint64_t key) {
  parts_.folder.recorder.sync();
  parts_.folder.checkpoints.remove(key);
}

}  // namespace sweep
