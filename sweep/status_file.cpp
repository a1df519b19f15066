#include "sweep/status_file.hpp"

#include <fstream>

#include <fcntl.h>
#include <nlohmann/json.hpp>

#include "sweep/grid.hpp"

namespace sweep {
namespace {

constexpr std::size_t kMostFailedShown = 20;
constexpr std::size_t kMostWorkersShown = 16;
constexpr const char* kStatusName = "status.json";

using Json = nlohmann::json;

Json to_json(const HeldBack& held) {
  return {{"packs", held.num_packs},
          {"trials", held.num_trials},
          {"shortest_s", held.shortest_s},
          {"left_s", held.left_s}};
}

HeldBack held_back_from_json(const Json& json) {
  return {.num_packs = json.at("packs"),
          .num_trials = json.at("trials"),
          .shortest_s = json.at("shortest_s"),
          .left_s = json.at("left_s")};
}

Json to_json(const SweepStatus& status) {
  auto failed = Json::array();
  for (const auto& trial : status.failed) {
    failed.push_back({{"id", trial.id},
                      {"label", trial.label},
                      {"error", trial.error},
                      {"attempts", trial.attempts}});
  }
  auto jobs = Json::array();
  for (const auto& job : status.slurm_jobs)
    jobs.push_back(results::to_json(job));
  auto workers = Json::array();
  for (const auto& worker : status.workers)
    workers.push_back(results::to_json(worker));
  return {{"name", status.name},
          {"state", status.state},
          {"host", status.host},
          {"process", status.process},
          {"ranks", status.num_ranks},
          {"started", status.started},
          {"updated", status.updated},
          {"journal_bytes", status.journal_bytes},
          {"total", status.counts.total},
          {"finished", status.counts.finished},
          {"diverged", status.counts.diverged},
          {"failed", status.counts.failed},
          {"packs_training", status.packs_training},
          {"left_s", status.left_s},
          {"left_uncertainty_s", status.left_uncertainty_s},
          {"utilization", results::to_json(status.use)},
          {"workers", workers},
          {"job_end", status.job_end},
          {"held_back", to_json(status.held_back)},
          {"slurm_jobs", jobs},
          {"failed_trials", failed}};
}

SweepStatus from_json(const Json& json) {
  SweepStatus status{.name = json.at("name"),
                     .state = json.at("state"),
                     .host = json.at("host"),
                     .process = json.at("process"),
                     .num_ranks = json.at("ranks"),
                     .started = json.at("started"),
                     .updated = json.at("updated"),
                     .journal_bytes = json.at("journal_bytes"),
                     .counts = {.total = json.at("total"),
                                .finished = json.at("finished"),
                                .diverged = json.at("diverged"),
                                .failed = json.at("failed")},
                     .packs_training = json.at("packs_training"),
                     .left_s = json.at("left_s"),
                     .left_uncertainty_s = json.at("left_uncertainty_s")};
  if (json.contains("utilization")) {  // absent from files of older versions
    status.use = results::use_from_json(json.at("utilization"));
    for (const auto& worker : json.at("workers"))
      status.workers.push_back(results::worker_from_json(worker));
  }
  if (json.contains("held_back")) {  // likewise
    status.job_end = json.at("job_end");
    status.held_back = held_back_from_json(json.at("held_back"));
    for (const auto& job : json.at("slurm_jobs"))
      status.slurm_jobs.push_back(results::slurm_job_from_json(job));
  }
  for (const auto& trial : json.at("failed_trials")) {
    status.failed.push_back(
        {trial.at("id"), trial.at("label"), trial.at("error"), trial.at("attempts")});
  }
  return status;
}

}  // namespace

std::string to_json_text(const SweepStatus& status) {
  return to_json(status).dump(2) + "\n";
}

void write_status(const std::filesystem::path& folder, const SweepStatus& status) {
  const auto path = folder / kStatusName;
  const auto temporary = folder / (std::string(kStatusName) + ".new");
  std::error_code error;
  try {
    results::File(temporary, O_WRONLY | O_CREAT | O_TRUNC).write_all(to_json_text(status));
  } catch (const results::StorageError&) {
    std::filesystem::remove(temporary, error);
    throw;
  }
  // Not synced: after a power cut the next run writes a new one.
  std::filesystem::rename(temporary, path, error);
  if (error) {
    throw results::StorageError("cannot write " + path.string() +
                                results::describe_system_error(error.value()));
  }
}

std::optional<SweepStatus> read_status(const std::filesystem::path& folder) {
  std::ifstream file(folder / kStatusName);
  try {
    return from_json(Json::parse(file));
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const protocol::ProtocolError&) {
    return std::nullopt;
  }
}

void put_workers(SweepStatus& status, const results::Workers& workers) {
  status.use = results::use_of(workers);
  status.workers = workers.size() <= kMostWorkersShown ? workers : results::Workers();
}

SweepStatus status_of(const results::SweepResults& sweep) {
  SweepStatus status{.name = sweep.plan.name,
                     .counts = results::count(sweep),
                     .slurm_jobs = results::slurm_jobs(sweep)};
  for (std::size_t i = 0; i < sweep.plan.ids.size(); ++i) {
    if (status.failed.size() >= std::min(kMostFailedShown, status.counts.failed)) break;
    const auto* trial = sweep.find(sweep.plan.ids[i]);
    if (trial == nullptr || trial->status != protocol::Outcome::failed) continue;
    status.failed.push_back({results::to_hex(sweep.plan.ids[i]), label_trial(sweep.plan.axes, i),
                             sweep.texts[trial->error], trial->attempts});
  }
  return status;
}

}  // namespace sweep
