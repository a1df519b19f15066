#include "sweep/commands/status.hpp"

#include <iostream>

#include <fmt/format.h>

#include "sweep/announcements.hpp"
#include "sweep/clock.hpp"
#include "sweep/exit_code.hpp"
#include "sweep/folder_lock.hpp"
#include "sweep/status_file.hpp"

namespace sweep {
namespace {

/// The journal's own counts, with what status.json knows besides. A run that ended without a word
/// is told by its lock.
SweepStatus look_at(const std::filesystem::path& folder) {
  auto status = status_of(results::load_results(folder));
  const auto told = read_status(folder).value_or(SweepStatus{.state = "interrupted"});
  status.state =
      told.state == "running" && describe_holder(folder).empty() ? "interrupted" : told.state;
  status.host = told.host;
  status.process = told.process;
  status.num_ranks = told.num_ranks;
  status.started = told.started;
  status.updated = told.updated;
  status.packs_training = told.packs_training;
  status.left_s = told.left_s;
  status.left_uncertainty_s = told.left_uncertainty_s;
  const bool is_here = told.host == host_name();
  if (told.state == "running" && is_here && !is_locked(folder)) status.state = "interrupted";
  return status;
}

void print_text(const SweepStatus& status) {
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
  } else if (counts.pending() > 0) {
    line += fmt::format("   {} to do, the same command continues", counts.pending());
  }
  std::cout << line << '\n' << describe_failed(status);
}

}  // namespace

int status_command(const StatusOptions& options) {
  const auto status = look_at(options.folder);
  if (options.as_json) {
    std::cout << to_json_text(status);
  } else {
    print_text(status);
  }
  return to_int(ExitCode::success);
}

}  // namespace sweep
