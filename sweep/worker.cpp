#include "sweep/worker.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include <unistd.h>

#include "sweep/clock.hpp"
#include "sweep/comm.hpp"

namespace sweep {
namespace {

constexpr std::chrono::milliseconds kShortestWait{1};
constexpr std::chrono::milliseconds kLongestWait{20};
constexpr std::chrono::milliseconds kProgressPause{50};
constexpr std::chrono::milliseconds kOutputPause{500};
constexpr int kMostMessages = 1'000;  // taken at a time, lest one trainer keep us busy for good

std::string last_lines(const std::string& output) {
  const auto begin = output.find_first_not_of(" \n");
  if (begin == std::string::npos) return "";
  return "; it printed last: " + output.substr(begin, output.find_last_not_of(" \n") + 1 - begin);
}

}  // namespace

Worker::~Worker() {
  if (!trainer_ || pack_) return;
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
  if (std::holds_alternative<QuitWorker>(command)) has_quit_ = true;
}

std::vector<Report> Worker::poll() {
  if (trainer_) take_messages();
  if (trainer_) check_silence();
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
    const auto device = map_rank_to_device(settings_.device, local_rank_, count_visible_gpus());
    trainer_ = std::make_unique<TrainerProcess>(settings_.trainer);
    is_ready_ = false;
    last_message_ = Clock::now();
    trainer_->send(protocol::Hello{.device = device, .threads = settings_.trainer.threads});
  } catch (const std::exception& error) {
    lose_trainer(error.what());
  }
}

void Worker::lend(const protocol::PackRequest& pack) {
  pack_ = pack;
  lent_.clear();
  for (const auto& trial : pack.trials)
    lent_.insert(trial.id);
  last_message_ = Clock::now();
  if (!trainer_) {
    start_trainer();  // the pack is sent when it is ready
    return;
  }
  if (!is_ready_) return;
  try {
    trainer_->send(pack);
  } catch (const protocol::ProtocolError& error) {
    lose_trainer(error.what());
  }
}

void Worker::stop_pack() {
  if (!pack_) return;
  if (!trainer_ || !is_ready_) {
    report(PackLost{.pack = pack_->pack, .reason = "it was stopped before it had begun"});
    pack_.reset();
    return;
  }
  try {
    trainer_->send(protocol::Stop{});
  } catch (const protocol::ProtocolError& error) {
    lose_trainer(error.what());
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
  if (!pack_) return;
  if (const auto* result = std::get_if<protocol::Result>(&message)) {
    if (take_trial(*result)) report(*result);
  } else if (const auto* progress = std::get_if<protocol::Progress>(&message)) {
    forward(*progress);
  } else if (const auto* failure = std::get_if<protocol::PackFailure>(&message)) {
    end_pack(*failure);
  } else if (const auto* done = std::get_if<protocol::Done>(&message)) {
    end_pack(*done);
  }
}

template <class End>
void Worker::end_pack(const End& end) {
  if (end.pack != pack_->pack) return;
  pack_.reset();
  report(end);
}

/// False for a trial that is not lent, or has its result already.
bool Worker::take_trial(const protocol::Result& result) {
  return result.pack == pack_->pack && lent_.erase(result.id) > 0;
}

void Worker::forward(const protocol::Progress& progress) {
  if (progress.pack != pack_->pack || Clock::now() - last_progress_ < kProgressPause) return;
  last_progress_ = Clock::now();
  report(progress);
}

/// A trainer that prints without end must not fill rank 0's memory.
void Worker::forward_output() {
  if (pack_ && Clock::now() - last_output_ < kOutputPause) return;
  last_output_ = Clock::now();
  if (auto output = trainer_->take_output(); !output.empty()) {
    report(TrainerOutput{std::move(output)});
  }
}

void Worker::become_ready(const protocol::Ready& ready) {
  is_ready_ = true;
  if (!std::exchange(was_ready_, true)) report(WorkerReady{host_name(), ready.device});
  if (pack_) lend(*pack_);
}

void Worker::check_silence() {
  if (!pack_ || settings_.trial_timeout_s <= 0) return;
  const std::chrono::duration<double> silence = Clock::now() - last_message_;
  if (silence.count() > settings_.trial_timeout_s) {
    lose_trainer("it said nothing for " + std::to_string(static_cast<int>(silence.count())) +
                     " s, which run.trial_timeout sets",
                 protocol::Cause::hang);
  }
}

void Worker::lose_trainer(const std::string& reason, protocol::Cause cause) {
  std::string how = reason;
  if (trainer_) {
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
  if (pack_) report(PackLost{pack_->pack, cause, "trainer died: " + how});
  pack_.reset();
  if (!was_ready_) report(WorkerUnable{"the trainer cannot start (" + how + ")"});
}

void serve_coordinator(Communicator& world) {
  Worker worker(world.local_rank());
  auto patience = kShortestWait;
  while (!worker.has_quit()) {
    bool is_idle = true;
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
