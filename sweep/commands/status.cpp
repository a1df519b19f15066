#include "sweep/commands/status.hpp"

#include <iostream>
#include <utility>

#include <fmt/format.h>

#include "sweep/announcements.hpp"
#include "sweep/clock.hpp"
#include "sweep/exit_code.hpp"
#include "sweep/folder_lock.hpp"
#include "sweep/status_file.hpp"

namespace sweep {
namespace {

/// Whether a run that calls itself running still does; the lock of a dead one tells.
bool is_alive(const std::filesystem::path& folder, const SweepStatus& told) {
  const bool is_here = told.host == host_name();
  return told.state == "running" && !describe_holder(folder).empty() &&
         (!is_here || is_locked(folder));
}

bool describes_journal(const SweepStatus& status, const std::filesystem::path& folder) {
  std::error_code error;
  const auto size_bytes = std::filesystem::file_size(folder / "journal", error);
  return !error && size_bytes == status.journal_bytes;
}

/// What the latest run says in status.json. Its counts are the journal's, which is read only if the
/// file is older: a million records take seconds.
SweepStatus find_status(const std::filesystem::path& folder) {
  auto status = read_status(folder).value_or(SweepStatus{.state = "interrupted"});
  if (is_alive(folder, status)) return status;
  if (status.state == "running") status.state = "interrupted";
  if (describes_journal(status, folder)) return status;
  auto counted = status_of(results::load_results(folder));
  status.name = std::move(counted.name);
  status.counts = counted.counts;
  status.failed = std::move(counted.failed);
  status.slurm_jobs = std::move(counted.slurm_jobs);
  return status;
}

/// How busy the workers of the latest run are: each one if they are few, else all together.
std::string describe_workers(const SweepStatus& status) {
  if (!status.workers.empty()) return fmt::format("\n{}", results::to_text(status.workers));
  const auto use = results::describe_use(status.use);
  return use.empty() ? "" : fmt::format("{}\n", use);
}

void print_status(const SweepStatus& status) {
  const auto& counts = status.counts;
  std::string line = status.state == "finished" ? "done" : status.state;
  if (status.state == "running") {
    line = fmt::format("running since {} on {} ({} rank{})", status.started, status.host,
                       status.num_ranks, status.num_ranks == 1 ? "" : "s");
  }
  line += fmt::format("   {}/{} finished", counts.finished + counts.diverged, counts.total);
  if (counts.diverged > 0) line += fmt::format("   {} of them diverged", counts.diverged);
  line += fmt::format("   {} failed", counts.failed);
  if (status.state == "running") {
    line += fmt::format("   {} packs training", status.packs_training);
    if (status.left_s >= 0) line += fmt::format("   left {}", format_duration(status.left_s));
    if (status.left_uncertainty_s >= 0) {
      line += fmt::format(" ± {}", format_duration(status.left_uncertainty_s));
    }
    if (!status.job_end.empty()) line += fmt::format("   job ends {}", status.job_end);
  } else if (counts.pending() > 0) {
    line += fmt::format("   {} to do, the same command continues", counts.pending());
  }
  std::cout << line << '\n' << describe_slurm_jobs(status.slurm_jobs);
  if (status.state == "running" || status.state == "stopped") {
    std::cout << describe_held_back(status.held_back);
  }
  std::cout << describe_failed(status) << describe_workers(status);
}

}  // namespace

int status_command(const StatusOptions& options) {
  const auto status = find_status(options.folder);
  if (options.as_json) {
    std::cout << to_json_text(status);
  } else {
    print_status(status);
  }
  return to_int(ExitCode::success);
}

}  // namespace sweep
