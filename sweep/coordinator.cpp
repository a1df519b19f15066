#include "sweep/coordinator.hpp"

#include <algorithm>

#include "sweep/checkpoint_folder.hpp"
#include "sweep/prepare.hpp"

namespace sweep {

using protocol::Cause;

namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

Coordinator::Coordinator(const PreparedSweep& sweep, Schedule schedule, Outlets outlets,
                         const CheckpointFolder* checkpoints)
    : sweep_(sweep),
      schedule_(std::move(schedule)),
      outlets_(std::move(outlets)),
      checkpoints_(checkpoints) {}

void Coordinator::start_worker(int rank, const StartWorker& command) {
  workers_[rank].total.info.rank = rank;
  outlets_.send(rank, command);
}

void Coordinator::handle(int rank, const Report& report) {
  if (const auto* ready = std::get_if<WorkerReady>(&report)) on_ready(rank, *ready);
  if (const auto* unable = std::get_if<WorkerUnable>(&report)) on_unable(rank, *unable);
  if (const auto* result = std::get_if<protocol::Result>(&report)) on_result(rank, *result);
  if (const auto* progress = std::get_if<protocol::Progress>(&report)) on_progress(rank, *progress);
  if (const auto* output = std::get_if<TrainerOutput>(&report)) outlets_.log(rank, output->text);
  if (const auto* lost = std::get_if<PackLost>(&report)) {
    outlets_.log(rank, lost->reason + "\n");
    on_end_of_pack(rank, lost->pack, lost->cause, lost->reason);
  }
  if (const auto* failure = std::get_if<protocol::PackFailure>(&report)) {
    outlets_.log(rank, failure->error + "\n");
    on_end_of_pack(rank, failure->pack, failure->cause, failure->error);
  }
  if (const auto* done = std::get_if<protocol::Done>(&report)) {
    learn(rank, *done);
    on_end_of_pack(rank, done->pack, Cause::crash, "the trainer gave no result for this trial");
  }
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
    if (schedule_.lease_of(rank) != nullptr) total.busy_s += seconds_since(worker.lent_at);
    total.allocated_s = worker.is_ready ? seconds_since(worker.ready_at) : 0;
  }
  return totals;
}

void Coordinator::stop() {
  is_stopping_ = true;
  for (const auto& [rank, worker] : workers_) {
    if (schedule_.lease_of(rank) != nullptr) outlets_.send(rank, StopPack{});
  }
}

void Coordinator::lend_to(int rank) {
  if (is_stopping_) return;
  const auto* lease = schedule_.lend(rank, seconds_since(begin_));
  if (lease == nullptr) return;
  workers_[rank].lent_at = std::chrono::steady_clock::now();
  workers_[rank].progress = 0;
  outlets_.send(rank, prepare_request(rank, *lease));
}

/// A pack that waits again may be for a worker that found nothing to do before.
void Coordinator::lend_to_idle() {
  for (const auto& [rank, state] : workers_) {
    if (state.is_ready && !state.is_unable && schedule_.lease_of(rank) == nullptr) lend_to(rank);
  }
}

protocol::PackRequest Coordinator::prepare_request(int rank, const Lease& lease) {
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
  if (checkpoints_ != nullptr) prepare_checkpoint(rank, lease, request);
  return request;
}

void Coordinator::prepare_checkpoint(int rank, const Lease& lease, protocol::PackRequest& request) {
  results::PackRecord record;
  for (const auto index : lease.pack.trials)
    record.trials.push_back(sweep_.ids[index]);
  record.key = checkpoint_key(record.trials);
  workers_[rank].checkpoint = record.key;
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
  worker.total.info = {.rank = rank, .host = ready.host, .device = ready.device};
  worker.is_ready = true;
  worker.ready_at = std::chrono::steady_clock::now();
  lend_to(rank);
}

void Coordinator::on_unable(int rank, const WorkerUnable& unable) {
  workers_[rank].is_unable = true;
  last_trouble_ = unable.reason;
  outlets_.log(rank, unable.reason + "\n");
}

void Coordinator::on_progress(int rank, const protocol::Progress& progress) {
  if (progress.epochs > 0) {
    workers_[rank].progress = static_cast<double>(progress.epoch) / progress.epochs;
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

void Coordinator::on_end_of_pack(int rank, std::int64_t pack, Cause cause,
                                 const std::string& reason) {
  const auto* lease = schedule_.lease_of(rank);
  if (lease == nullptr || lease->pack.number != pack) return;
  count_pack(workers_[rank]);
  if (is_stopping_ && !lease->pack.trials.empty()) {
    schedule_.drop_lease(rank);
    return;
  }
  end_lease(rank, cause, reason);
  lend_to_idle();
}

void Coordinator::learn(int rank, const protocol::Done& done) {
  const auto* lease = schedule_.lease_of(rank);
  if (lease == nullptr || lease->pack.number != done.pack) return;
  schedule_.learn(rank, seconds_since(workers_[rank].lent_at));
}

void Coordinator::count_pack(WorkerState& worker) const {
  ++worker.total.packs;
  worker.total.busy_s += seconds_since(worker.lent_at);
}

void Coordinator::end_lease(int rank, Cause cause, const std::string& reason) {
  const auto key = workers_[rank].checkpoint;
  const int attempt = schedule_.lease_of(rank)->attempt;
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
