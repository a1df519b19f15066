#include "sweep/coordinator.hpp"

#include <algorithm>

#include "sweep/prepare.hpp"

namespace sweep {
namespace {

protocol::PackRequest to_request(const Lease& lease, const PreparedSweep& sweep) {
  protocol::PackRequest request{
      .pack = lease.pack.number,
      .attempt = lease.attempt,
      .settings = sweep.grid.combinations[lease.pack.combination].settings};
  for (const auto index : lease.pack.trials) {
    const auto trial = sweep.grid.trials[index];
    request.trials.push_back({.id = results::to_hex(sweep.ids[index]),
                              .seed = trial.seed,
                              .learning_rate = trial.learning_rate});
  }
  return request;
}

}  // namespace

Coordinator::Coordinator(const PreparedSweep& sweep, std::vector<Pack> packs, Outlets outlets)
    : sweep_(sweep), schedule_(std::move(packs), {}), outlets_(std::move(outlets)) {}

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
    on_end_of_pack(rank, lost->reason);
  }
  if (std::holds_alternative<protocol::Done>(report)) {
    on_end_of_pack(rank, "the trainer gave no result for this trial");
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

void Coordinator::lend_to(int rank) {
  const auto* lease = schedule_.lend(rank);
  if (lease == nullptr) return;
  workers_[rank].lent_at = std::chrono::steady_clock::now();
  workers_[rank].progress = 0;
  outlets_.send(rank, to_request(*lease, sweep_));
}

void Coordinator::on_ready(int rank, const WorkerReady& ready) {
  auto& worker = workers_[rank];
  worker.total.info = {.rank = rank, .host = ready.host, .device = ready.device};
  worker.is_ready = true;
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
  if (lease == nullptr) return;
  // Results come in the order of their pack, so that the search ends at its first trial.
  const auto& lent = lease->pack.trials;
  const auto trial = std::ranges::find(lent, id, [this](auto index) { return sweep_.ids[index]; });
  if (trial == lent.end()) return;
  const int attempt = lease->attempt;
  if (!schedule_.finish_trial(rank, *trial)) return;
  auto& total = workers_[rank].total;
  ++total.trials;
  results::TrialRecord record{.id = id,
                              .status = result.status,
                              .error = result.error,
                              .attempts = attempt,
                              .elapsed_s = result.elapsed_s,
                              .rank = rank,
                              .device = total.info.device,
                              .values = result.values};
  if (result.status == protocol::Outcome::failed) record.cause = results::Cause::exception;
  if (result.status == protocol::Outcome::diverged && result.epoch) {
    record.error = "diverged in epoch " + std::to_string(*result.epoch);
  }
  outlets_.record(record);
}

void Coordinator::on_end_of_pack(int rank, const std::string& reason) {
  const auto* lease = schedule_.lease_of(rank);
  if (lease == nullptr) return;
  const int attempt = lease->attempt;
  auto& worker = workers_[rank];
  ++worker.total.packs;
  worker.total.busy_s +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - worker.lent_at).count();
  for (const auto trial : schedule_.end_lease(rank))
    record_failure(rank, trial, reason, attempt);
  // A pack that waits again may be for a worker that found nothing to do before.
  for (const auto& [other, state] : workers_) {
    if (state.is_ready && !state.is_unable && schedule_.lease_of(other) == nullptr) lend_to(other);
  }
}

void Coordinator::record_failure(int rank, std::size_t trial, const std::string& reason,
                                 int attempts) {
  outlets_.record({.id = sweep_.ids[trial],
                   .status = protocol::Outcome::failed,
                   .cause = results::Cause::crash,
                   .error = reason,
                   .attempts = attempts,
                   .rank = rank,
                   .device = workers_[rank].total.info.device});
}

}  // namespace sweep
