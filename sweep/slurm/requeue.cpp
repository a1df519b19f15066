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

/// A count that cannot be kept must not keep the sweep from going on.
void write_idle_jobs(const std::filesystem::path& folder, int count) {
  if (count == 0) return forget_idle_jobs(folder);
  try {
    std::filesystem::create_directories(folder);
    results::replace_content(count_file(folder),
                             nlohmann::json{{"idle_jobs", count}}.dump() + "\n");
  } catch (const std::exception& error) {
    std::cerr << "mpisweep: " << error.what() << std::endl;
  }
}

void tell(const std::string& sentence) {
  std::cerr << "mpisweep: " << sentence << std::endl;
}

}  // namespace

bool requeue_or_succeed(const std::string& job, const UnfinishedRun& run) {
  const auto state = state_of_job(job);
  if (!state.empty() && state != "RUNNING") {
    tell(fmt::format("Slurm is ending job {} ({}), so it is not requeued from here", job, state));
    return true;
  }
  const bool has_trained = has_moved(run.at_start, progress_in(run.folder));
  const int idle_jobs = has_trained ? 0 : read_idle_jobs(run.folder) + 1;
  write_idle_jobs(run.folder, idle_jobs);
  if (idle_jobs >= kMostIdleJobs) {
    tell(
        fmt::format("trials are left, but {} jobs in a row have trained nothing, so job {} is the "
                    "last one; see what is wrong above, then submit it again",
                    idle_jobs, job));
    forget_idle_jobs(run.folder);
    return false;
  }
  tell(fmt::format("trials are left, job {} goes back into its queue", job));
  if (requeue_job(job)) return true;
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
