#include "sweep/worker.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <unistd.h>

#include "sweep/clock.hpp"
#include "sweep/comm.hpp"
#include "sweep/device_assignment.hpp"
#include "sweep/stop_signals.hpp"
#include "sweep/trainer_ahead.hpp"

namespace sweep {
namespace {

constexpr std::chrono::milliseconds kProgressPause{50};
constexpr std::chrono::milliseconds kOutputPause{500};
constexpr int kMostMessages = 1'000;  // taken at a time, lest one trainer keep us busy for good

std::string last_lines(const std::string& output) {
  const auto begin = output.find_first_not_of(" \n");
  if (begin == std::string::npos) return "";
  return "; it printed last: " + output.substr(begin, output.find_last_not_of(" \n") + 1 - begin);
}

}  // namespace

Worker::Worker(std::unique_ptr<TrainerProcess> ahead, std::chrono::milliseconds patience)
    : ahead_(std::move(ahead)), patience_(patience) {}

Worker::~Worker() {
  if (!trainer_ || is_training_) return;
  try {
    trainer_->send(protocol::Stop{});
    trainer_->expect(std::chrono::seconds(2));
  } catch (const std::exception&) {  // it has ended, which is what we asked for
  }
}

void Worker::adopt(std::unique_ptr<TrainerProcess> trainer, const protocol::Ready& ready) {
  trainer_ = std::move(trainer);
  become_ready(ready);
}

void Worker::handle(const Command& command) {
  if (const auto* settings = std::get_if<StartWorker>(&command)) start(*settings);
  if (const auto* pack = std::get_if<protocol::PackRequest>(&command)) lend(*pack);
  if (std::holds_alternative<StopPack>(command)) stop_pack();
  if (std::holds_alternative<ReturnPacks>(command)) return_packs();
  if (std::holds_alternative<QuitWorker>(command)) has_quit_ = true;
}

std::vector<Report> Worker::poll() {
  if (ahead_ && Clock::now() - begin_ > patience_) ahead_.reset();
  if (trainer_) take_messages();
  if (trainer_) check_silence();
  if (!trainer_ && !packs_.empty()) start_trainer();
  return std::exchange(reports_, {});
}

void Worker::wait(std::chrono::milliseconds patience) const {
  if (trainer_) {
    trainer_->wait(patience);
  } else {
    usleep(static_cast<useconds_t>(patience.count()) * 1000);
  }
}

void Worker::start(const StartWorker& start) {
  settings_ = start;
  if (!trainer_) start_trainer();
}

void Worker::start_trainer() {
  try {
    trainer_ = take_or_start_trainer(settings_.trainer, std::move(ahead_));
    is_ready_ = false;
    has_trained_ = false;
    last_message_ = Clock::now();
    trainer_->send(
        protocol::Hello{.device = settings_.device, .threads = settings_.trainer.threads});
  } catch (const std::exception& error) {
    lose_trainer(error.what());
  }
}

void Worker::lend(const protocol::PackRequest& pack) {
  auto& lent =
      packs_.emplace_back(LentPack{.number = pack.pack, .request = protocol::serialize(pack)});
  for (const auto& trial : pack.trials)
    lent.trials.insert(trial.id);
  hand_over();
}

/// Gives the trainer its next pack, unless it has one or is not there yet.
void Worker::hand_over() {
  if (!is_ready_ || is_training_ || packs_.empty()) return;
  is_training_ = true;
  handed_over_ = last_message_ = Clock::now();
  try {
    trainer_->send_line(packs_.front().request);
  } catch (const protocol::ProtocolError& error) {
    lose_trainer(error.what());
  }
}

void Worker::stop_pack() {
  return_packs();
  if (!is_training_) return;
  try {
    trainer_->send(protocol::Stop{});
    has_trained_ = false;  // what it leaves unread from now on is no pack
  } catch (const protocol::ProtocolError& error) {
    lose_trainer(error.what());
  }
}

/// The last one first: each is put in front of all that wait.
void Worker::return_packs() {
  while (packs_.size() > (is_training_ ? 1U : 0U)) {
    report(PackReturned{packs_.back().number});
    packs_.pop_back();
  }
}

void Worker::take_messages() {
  try {
    for (int i = 0; i < kMostMessages; ++i) {
      const auto message = trainer_->take();
      if (!message) break;
      take_message(*message);
      if (!trainer_) return;
    }
  } catch (const protocol::ProtocolError& error) {
    lose_trainer(error.what());
    return;
  }
  forward_output();
  if (trainer_->has_ended()) lose_trainer("");
}

void Worker::take_message(const protocol::Message& message) {
  last_message_ = Clock::now();
  if (const auto* ready = std::get_if<protocol::Ready>(&message)) become_ready(*ready);
  if (const auto* failure = std::get_if<protocol::Failure>(&message)) {
    lose_trainer(failure->error);
    return;
  }
  if (!is_training_) return;
  if (const auto* result = std::get_if<protocol::Result>(&message)) {
    if (take_trial(*result)) report(*result);
  } else if (const auto* progress = std::get_if<protocol::Progress>(&message)) {
    forward(*progress);
  } else if (const auto* failure = std::get_if<protocol::PackFailure>(&message)) {
    if (is_training(failure->pack)) end_pack(failure->cause, failure->error);
  } else if (const auto* done = std::get_if<protocol::Done>(&message)) {
    if (is_training(done->pack)) end_pack(protocol::Cause::none, "");
  }
}

bool Worker::is_training(std::int64_t pack) const {
  return is_training_ && packs_.front().number == pack;
}

/// Ends the first pack. What needs too much memory does so in the next pack too: rank 0 may want
/// it narrower.
void Worker::end_pack(protocol::Cause cause, const std::string& reason) {
  const std::chrono::duration<double> busy = Clock::now() - handed_over_;
  report(PackEnd{.pack = packs_.front().number,
                 .cause = cause,
                 .reason = reason,
                 .busy_s = is_training_ ? busy.count() : 0});
  packs_.pop_front();
  has_trained_ = is_training_;
  is_training_ = false;
  if (cause == protocol::Cause::out_of_memory) return_packs();
  hand_over();
}

/// False for a trial that is not lent, or has its result already.
bool Worker::take_trial(const protocol::Result& result) {
  return is_training(result.pack) && packs_.front().trials.erase(result.id) > 0;
}

void Worker::forward(const protocol::Progress& progress) {
  if (!is_training(progress.pack) || Clock::now() - last_progress_ < kProgressPause) return;
  last_progress_ = Clock::now();
  report(progress);
}

/// A trainer that prints without end must not fill rank 0's memory.
void Worker::forward_output() {
  if (is_training_ && Clock::now() - last_output_ < kOutputPause) return;
  last_output_ = Clock::now();
  if (auto output = trainer_->take_output(); !output.empty()) {
    report(TrainerOutput{std::move(output)});
  }
}

void Worker::become_ready(const protocol::Ready& ready) {
  is_ready_ = true;
  if (!std::exchange(was_ready_, true)) report(WorkerReady{node_name(), ready.device});
  hand_over();
}

void Worker::check_silence() {
  if (packs_.empty() || settings_.trial_timeout_s <= 0) return;
  const std::chrono::duration<double> silence = Clock::now() - last_message_;
  if (silence.count() > settings_.trial_timeout_s) {
    lose_trainer("it said nothing for " + std::to_string(static_cast<int>(silence.count())) +
                     " s, which run.trial_timeout sets",
                 protocol::Cause::hang);
  }
}

void Worker::lose_trainer(const std::string& reason, protocol::Cause cause) {
  std::string how = reason;
  bool has_begun = true;
  if (trainer_) {
    has_begun = !has_trained_ || !trainer_->has_left_unread();
    const auto end = trainer_->end();
    if (how.empty()) how = end;
    if (trainer_->was_killed()) cause = protocol::Cause::killed;
    how += last_lines(trainer_->last_output());
    if (auto output = trainer_->take_output(); !output.empty()) {
      report(TrainerOutput{std::move(output)});
    }
  }
  trainer_.reset();
  is_ready_ = false;
  if (!packs_.empty() && has_begun) end_pack(cause, "trainer died: " + how);
  is_training_ = false;
  if (!was_ready_) report(WorkerUnable{"the trainer cannot start (" + how + ")"});
}

void serve_coordinator(Communicator& world, std::unique_ptr<TrainerProcess> ahead) {
  world.gather(serialize(view_of_this_rank()));
  Worker worker(std::move(ahead));
  int signal_told = 0;
  auto patience = kShortestWait;
  while (!worker.has_quit()) {
    bool is_idle = true;
    if (stop_signal() != signal_told) {  // Slurm may tell the ranks of some nodes alone
      signal_told = stop_signal();
      world.post(0, serialize(Report{StopAsked{signal_told}}));
    }
    while (const auto envelope = world.receive()) {
      worker.handle(parse_command(envelope->text));
      is_idle = false;
    }
    for (auto& reports : serialize_together(worker.poll())) {
      world.post(0, std::move(reports));
      is_idle = false;
    }
    patience = is_idle ? std::min(2 * patience, kLongestWait) : kShortestWait;
    if (!worker.has_quit()) worker.wait(patience);
  }
  world.flush();
}

}  // namespace sweep
