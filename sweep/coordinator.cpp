#include "sweep/coordinator.hpp"

#include <algorithm>
#include <utility>

#include "sweep/checkpoint_folder.hpp"
#include "sweep/clock.hpp"
#include "sweep/packs_ahead.hpp"
#include "sweep/prepare.hpp"
#include "sweep/stop_signals.hpp"

namespace sweep {

using protocol::Cause;

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Coordinator::Coordinator(const PreparedSweep& sweep, Schedule schedule, Outlets outlets,
                         const CheckpointFolder* checkpoints)
    : sweep_(sweep),
      schedule_(std::move(schedule)),
      outlets_(std::move(outlets)),
      checkpoints_(checkpoints) {}

void Coordinator::start_worker(int rank, const StartWorker& command, const WorkerPlace& place) {
  workers_[rank].total.info = {.rank = rank, .host = place.node, .gpu = place.gpu};
  outlets_.send(rank, command);
}

void Coordinator::leave_idle(int rank, const WorkerPlace& place, const std::string& reason) {
  workers_[rank].total.info = {.rank = rank, .host = place.node};
  on_unable(rank, WorkerUnable{reason});
}

void Coordinator::handle(int rank, const Report& report) {
  schedule_.tell_time(seconds_since(begin_));
  if (const auto* ready = std::get_if<WorkerReady>(&report)) on_ready(rank, *ready);
  if (const auto* unable = std::get_if<WorkerUnable>(&report)) on_unable(rank, *unable);
  if (const auto* result = std::get_if<protocol::Result>(&report)) on_result(rank, *result);
  if (const auto* progress = std::get_if<protocol::Progress>(&report)) on_progress(rank, *progress);
  if (const auto* output = std::get_if<TrainerOutput>(&report)) outlets_.log(rank, output->text);
  if (const auto* end = std::get_if<PackEnd>(&report)) on_end_of_pack(rank, *end);
  if (const auto* returned = std::get_if<PackReturned>(&report)) on_returned(rank, *returned);
  if (const auto* asked = std::get_if<StopAsked>(&report)) remember_stop_signal(asked->signal);
}

bool Coordinator::has_heard_of_all() const {
  return std::ranges::all_of(
      workers_, [](const auto& entry) { return entry.second.is_ready || entry.second.is_unable; });
}

bool Coordinator::is_stuck() const {
  return !is_finished() &&
         std::ranges::all_of(workers_, [](const auto& entry) { return entry.second.is_unable; });
}

double Coordinator::trials_under_way() const {
  double sum = 0;
  for (const auto& [rank, worker] : workers_) {
    const auto* lease = schedule_.lease_of(rank);
    if (lease != nullptr) sum += worker.progress * static_cast<double>(lease->pack.trials.size());
  }
  return sum;
}

std::vector<results::EndRecord::Worker> Coordinator::totals() const {
  std::vector<results::EndRecord::Worker> totals;
  for (const auto& [rank, worker] : workers_) {
    auto& total = totals.emplace_back(worker.total);
    if (schedule_.lease_of(rank) != nullptr) total.busy_s += seconds_since(worker.training_since);
    total.allocated_s = worker.is_ready ? seconds_since(worker.ready_at) : 0;
  }
  return totals;
}

void Coordinator::tick() {
  schedule_.tell_time(seconds_since(begin_));
  for (auto& [rank, worker] : workers_) {
    if (!schedule_.is_in_time(rank)) ask_for_packs_ahead_of(rank, worker);
  }
}

bool Coordinator::is_out_of_time() {
  schedule_.tell_time(seconds_since(begin_));
  return schedule_.is_out_of_time();
}

void Coordinator::stop() {
  is_stopping_ = true;
  for (const auto& [rank, worker] : workers_) {
    if (schedule_.lease_of(rank) != nullptr) outlets_.send(rank, StopPack{});
  }
}

/// Gives a worker a pack to train and those that should lie ready, as far as packs wait.
void Coordinator::lend_to(int rank) {
  if (is_stopping_) return;
  const auto pack_s = workers_[rank].pack_s;
  while (schedule_.num_lent_to(rank) <=
         packs_ahead(pack_s, schedule_.num_waiting(), workers_.size())) {
    const auto* lease = schedule_.lend(rank, seconds_since(begin_));
    if (lease == nullptr) break;
    if (schedule_.num_lent_to(rank) == 1) workers_[rank].training_since = Clock::now();
    outlets_.send(rank, prepare_request(*lease));
  }
  if (schedule_.num_lent_to(rank) == 0) idle_.insert(rank);
}

/// A pack that waits again may be for a worker that found nothing to do before.
void Coordinator::lend_to_idle() {
  while (!idle_.empty()) {
    const int rank = *idle_.begin();
    idle_.erase(idle_.begin());
    lend_to(rank);
    if (schedule_.num_lent_to(rank) == 0) break;  // nor is there any for the others
  }
  if (!idle_.empty()) ask_for_packs_ahead();
}

/// Nobody should be without a pack while others hold several.
void Coordinator::ask_for_packs_ahead() {
  if (schedule_.num_ahead() == 0) return;
  for (auto& [rank, worker] : workers_)
    ask_for_packs_ahead_of(rank, worker);
}

void Coordinator::ask_for_packs_ahead_of(int rank, WorkerState& worker) {
  if (schedule_.num_lent_to(rank) < 2 || worker.is_asked_to_return) return;
  worker.is_asked_to_return = true;
  outlets_.send(rank, ReturnPacks{});
}

protocol::PackRequest Coordinator::prepare_request(const Lease& lease) {
  protocol::PackRequest request{
      .pack = lease.pack.number,
      .attempt = lease.attempt,
      .settings = sweep_.grid.combinations[lease.pack.combination].settings};
  for (const auto index : lease.pack.trials) {
    const auto& trial = sweep_.grid.trials[index];
    request.trials.push_back({.id = results::to_hex(sweep_.ids[index]),
                              .seed = trial.seed,
                              .learning_rate = trial.learning_rate});
  }
  if (checkpoints_ != nullptr) prepare_checkpoint(lease, request);
  return request;
}

void Coordinator::prepare_checkpoint(const Lease& lease, protocol::PackRequest& request) {
  results::PackRecord record;
  for (const auto index : lease.pack.trials)
    record.trials.push_back(sweep_.ids[index]);
  record.key = checkpoint_key(record.trials);
  checkpoints_of_[request.pack] = record.key;
  outlets_.record_pack(record);
  const auto former = lease.pack.resume_from;
  request.checkpoint = checkpoints_->path_of(record.key).string();
  request.checkpoint_every_s = sweep_.config.run.checkpoint_every_s;
  request.resume = checkpoints_->provide(record.key, former);
  const bool is_needed = former == record.key || schedule_.is_awaited(former);
  if (former != 0 && !is_needed) checkpoints_->remove(former);
}

void Coordinator::on_ready(int rank, const WorkerReady& ready) {
  auto& worker = workers_[rank];
  worker.total.info.host = ready.host;
  worker.total.info.device = ready.device;
  worker.is_ready = true;
  worker.ready_at = Clock::now();
  lend_to(rank);
}

void Coordinator::on_unable(int rank, const WorkerUnable& unable) {
  workers_[rank].is_unable = true;
  last_trouble_ = unable.reason;
  outlets_.log(rank, unable.reason + "\n");
}

void Coordinator::on_progress(int rank, const protocol::Progress& progress) {
  const auto* lease = schedule_.lease_of(rank);
  if (lease != nullptr && lease->pack.number == progress.pack && progress.epochs > 0) {
    workers_[rank].progress = static_cast<double>(progress.epoch) / progress.epochs;
    schedule_.tell_progress(rank, workers_[rank].progress);
  }
}

void Coordinator::on_result(int rank, const protocol::Result& result) {
  const auto id = results::trial_id_from_hex(result.id);
  const auto* lease = schedule_.lease_of(rank);
  if (lease == nullptr || lease->pack.number != result.pack) return;
  // Results come in the order of their pack, so that the search ends at its first trial.
  const auto& lent = lease->pack.trials;
  const auto trial = std::ranges::find(lent, id, [this](auto index) { return sweep_.ids[index]; });
  if (trial == lent.end()) return;
  const auto index = *trial;
  const int attempt = lease->attempt;
  if (result.status == protocol::Outcome::failed) {
    if (schedule_.fail_trial(rank, index, Cause::exception)) {
      record_failure(rank, index, Cause::exception, result.error, attempt);
    }
    return;
  }
  if (!schedule_.finish_trial(rank, index)) return;
  auto& total = workers_[rank].total;
  ++total.trials;
  results::TrialRecord record{.id = id,
                              .status = result.status,
                              .attempts = attempt,
                              .elapsed_s = result.elapsed_s,
                              .rank = rank,
                              .device = total.info.device,
                              .values = result.values};
  if (result.status == protocol::Outcome::diverged && result.epoch) {
    record.error = "diverged in epoch " + std::to_string(*result.epoch);
  }
  outlets_.record(record);
}

void Coordinator::on_end_of_pack(int rank, const PackEnd& end) {
  if (!end.reason.empty()) outlets_.log(rank, end.reason + "\n");
  const auto* lease = schedule_.lease_of(rank);
  if (lease == nullptr || lease->pack.number != end.pack) return;
  auto& worker = workers_[rank];
  ++worker.total.packs;
  worker.total.busy_s += end.busy_s;
  worker.progress = 0;
  worker.training_since = Clock::now();
  worker.is_asked_to_return = false;
  worker.pack_s = worker.pack_s == 0 ? end.busy_s : (worker.pack_s + end.busy_s) / 2;
  if (is_stopping_ && !lease->pack.trials.empty()) {
    schedule_.drop_lease(rank);
    return;
  }
  const bool is_done = end.cause == Cause::none;
  if (is_done) schedule_.learn(rank, end.busy_s);
  end_lease(rank, is_done ? Cause::crash : end.cause,
            is_done ? "the trainer gave no result for this trial" : end.reason);
  if (end.cause == Cause::out_of_memory) ask_for_packs_ahead();
  lend_to(rank);
  lend_to_idle();
}

void Coordinator::on_returned(int rank, const PackReturned& returned) {
  workers_[rank].is_asked_to_return = false;
  const auto key = take_checkpoint(returned.pack);
  const bool is_saved = key != 0 && checkpoints_->has(key);
  if (!schedule_.give_back(rank, returned.pack, is_saved ? key : 0)) return;
  if (schedule_.num_lent_to(rank) == 0) idle_.insert(rank);
  lend_to_idle();
}

/// The key under which a pack saves its state, which is no longer lent; 0 if it does not.
std::uint64_t Coordinator::take_checkpoint(std::int64_t pack) {
  const auto node = checkpoints_of_.extract(pack);
  return node.empty() ? 0 : node.mapped();
}

void Coordinator::end_lease(int rank, Cause cause, const std::string& reason) {
  const auto& lease = *schedule_.lease_of(rank);
  const auto key = take_checkpoint(lease.pack.number);
  const int attempt = lease.attempt;
  const bool is_saved = key != 0 && checkpoints_->has(key);
  for (const auto trial : schedule_.end_lease(rank, cause, is_saved ? key : 0)) {
    record_failure(rank, trial, cause, reason, attempt);
  }
  if (is_saved && !schedule_.is_awaited(key)) outlets_.drop_checkpoint(key);
}

void Coordinator::record_failure(int rank, std::size_t trial, Cause cause,
                                 const std::string& reason, int attempts) {
  auto& total = workers_[rank].total;
  if (cause == Cause::exception) ++total.trials;
  outlets_.record({.id = sweep_.ids[trial],
                   .status = protocol::Outcome::failed,
                   .cause = cause,
                   .error = reason,
                   .attempts = attempts,
                   .rank = rank,
                   .device = total.info.device});
}

}  // namespace sweep
