#include "sweep/slurm/requeue.hpp"

#include <fstream>
#include <iostream>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "results/file.hpp"
#include "sweep/slurm/queue.hpp"

namespace sweep {
namespace {

std::filesystem::path count_file(const std::filesystem::path& folder) {
  return folder / "requeue.json";
}

/// Jobs in a row until now that have trained nothing.
int read_idle_jobs(const std::filesystem::path& folder) {
  std::ifstream file(count_file(folder));
  const auto told = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  const auto count = told.is_object() ? told.find("idle_jobs") : told.end();
  return told.is_object() && count != told.end() && count->is_number_integer() ? count->get<int>()
                                                                               : 0;
}

/// False, with the reason on standard error, if the count cannot be kept.
bool write_idle_jobs(const std::filesystem::path& folder, int count) {
  try {
    std::filesystem::create_directories(folder);
    results::replace_content(count_file(folder),
                             nlohmann::json{{"idle_jobs", count}}.dump() + "\n");
    return true;
  } catch (const std::exception& error) {
    std::cerr << "mpisweep: " << error.what() << std::endl;
    return false;
  }
}

void tell(const std::string& sentence) {
  std::cerr << "mpisweep: " << sentence << std::endl;
}

/// Slurm's word for what it does to a job that it does not let run; empty if it runs, if its time
/// is over, which is for us to mend, or if there is no answer.
std::string why_slurm_ends(const std::string& job) {
  const auto state = look_at_job(job);
  if (state.name == "RUNNING" || state.reason == "TimeLimit") return {};
  return state.name;
}

/// Counts jobs that train nothing. False, with a last word, if this was the last one.
bool may_go_on(const std::string& job, const UnfinishedRun& run) {
  if (has_moved(run.at_start, progress_in(run.folder))) {
    forget_idle_jobs(run.folder);
    return true;
  }
  const int idle_jobs = read_idle_jobs(run.folder) + 1;
  const bool is_counted = write_idle_jobs(run.folder, idle_jobs);
  if (is_counted && idle_jobs < kMostIdleJobs) return true;
  tell(
      fmt::format("trials are left, but {} trained nothing, so job {} is the last one; see what "
                  "is wrong above, then submit it again",
                  is_counted ? fmt::format("{} jobs in a row have", idle_jobs) : "it has", job));
  forget_idle_jobs(run.folder);
  return false;
}

}  // namespace

bool requeue_or_succeed(const std::string& job, const UnfinishedRun& run) {
  if (const auto reason = why_slurm_ends(job); !reason.empty()) {
    tell(fmt::format("Slurm is ending job {} ({}), so it is not requeued from here", job, reason));
    return true;
  }
  if (!may_go_on(job, run)) return false;
  tell(fmt::format("trials are left, job {} goes back into its queue", job));
  if (requeue_job(job) || !why_slurm_ends(job).empty()) return true;
  if (const auto successor = submit_successor(job)) {
    tell(fmt::format("job {} may not be requeued, job {} goes on after it", job, *successor));
    return true;
  }
  tell(fmt::format("job {} can be neither requeued nor submitted again from here, submit it again",
                   job));
  return false;
}

void forget_idle_jobs(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::remove(count_file(folder), error);
}

}  // namespace sweep
