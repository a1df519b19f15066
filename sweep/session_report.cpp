#include "sweep/session_report.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "results/summary_table.hpp"
#include "sweep/announcements.hpp"
#include "sweep/clock.hpp"
#include "sweep/supervisor.hpp"
#include "sweep/versions.hpp"

namespace sweep {

SessionReport::SessionReport(RunFolder& folder, int num_ranks)
    : folder_(folder),
      printer_(std::cerr, has_terminal()),
      status_{.host = host_name(), .process = static_cast<int>(getpid()), .num_ranks = num_ranks} {}

void SessionReport::tell_condition() const {
  const auto& condition = folder_.recorder.condition();
  const auto journal = (folder_.path / "journal").string();
  if (!folder_.lock.dead_holder().empty()) {
    std::cerr << "mpisweep: taking over from a run that died (" << folder_.lock.dead_holder()
              << ")\n";
  }
  if (condition.torn_bytes > 0) {
    std::cerr << "mpisweep: cut " << condition.torn_bytes << " bytes of an unfinished record from "
              << journal << "\n";
  }
  for (const auto& damage : condition.damages) {
    std::cerr << "mpisweep: " << journal << " is damaged: " << describe(damage)
              << ", its trials run again\n";
  }
}

void SessionReport::begin(std::size_t num_to_do, const std::string& job_end) {
  status_.started = utc_now();
  status_.job_end = job_end;
  const auto num_ended = results::count(folder_.recorder.results()).total - num_to_do;
  const auto num_saved = folder_.checkpoints.keys().size();
  if (num_ended + num_saved == 0) return;
  std::cerr << fmt::format("continuing {}: {} finished, {} to do{}\n", folder_.path.string(),
                           num_ended, num_to_do, describe_saved(num_saved));
}

void SessionReport::tell_plan(std::size_t num_packs) const {
  const auto& plan = folder_.recorder.results().plan;
  std::cerr << fmt::format("{}  {}: {} in {} packs\n", version_line(), plan.name,
                           describe_plan(plan), num_packs);
}

void SessionReport::tell_finding(const std::string& finding) const {
  std::cerr << "mpisweep: " << finding << '\n';
  folder_.log.write(0, finding);
}

void SessionReport::announce_workers(const Coordinator& coordinator) {
  if (std::exchange(is_announced_, true)) return;
  printer_.clear();
  std::cerr << describe_workers(coordinator.workers(), folder_.path.string());
  for (const auto& [rank, worker] : coordinator.workers())
    folder_.log.write(rank, describe_worker(worker));
}

void SessionReport::tell_held_back(const HeldBack& held) {
  status_.held_back = held;
  const auto text = describe_held_back(held);
  if (text.empty() || std::exchange(has_told_held_back_, true)) return;
  printer_.clear();
  std::cerr << text << std::flush;
  folder_.log.write(0, text);
}

void SessionReport::tell_time_is_over() {
  printer_.clear();
  std::cerr << "stopping ahead of the end of the job: finishing the step and saving" << std::endl;
}

void SessionReport::warn_once(const std::string& trouble) {
  if (trouble.empty() || !warnings_.insert(trouble).second) return;
  printer_.clear();
  std::cerr << "mpisweep: " << trouble << "; the sweep goes on and tries again" << std::endl;
}

void SessionReport::show_progress(const RunProgress& progress, std::size_t packs_training) {
  const auto counts = results::count(folder_.recorder.results());
  printer_.update(
      {.total = counts.total,
       .ended = counts.total - progress.num_left,
       .failed = counts.failed,
       .trials_per_s = static_cast<double>(progress.num_ended) / std::max(progress.elapsed_s, 1e-9),
       .packs_training = packs_training,
       .left = progress.left});
}

void SessionReport::save_running(const TimeLeft& left, const Coordinator& coordinator) {
  status_.left_s = left.seconds;
  status_.left_uncertainty_s = left.uncertainty;
  save("running", coordinator.totals(), coordinator.num_training());
}

void SessionReport::save_end(const std::string& state, const results::Workers& workers) {
  if (state == "finished") status_.held_back = {};
  save(state, workers, /*packs_training=*/0);
}

void SessionReport::save_end_of_the_dead() {
  const auto told = read_status(folder_.path);
  if (!told || told->state == "running") save_end("finished", {});
}

void SessionReport::save(const std::string& state, const results::Workers& workers,
                         std::size_t packs_training) {
  auto status = status_of(folder_.recorder.results());
  status.state = state;
  status.host = status_.host;
  status.process = status_.process;
  status.num_ranks = status_.num_ranks;
  status.started = status_.started;
  status.updated = utc_now();
  status.journal_bytes = std::filesystem::file_size(folder_.path / "journal");
  status.packs_training = packs_training;
  status.left_s = status_.left_s;
  status.left_uncertainty_s = status_.left_uncertainty_s;
  status.job_end = status_.job_end;
  status.held_back = status_.held_back;
  put_workers(status, workers);
  try {
    write_status(folder_.path, status);
    status_trouble_.clear();
  } catch (const results::StorageError& error) {
    status_trouble_ = error.what();
    warn_once(status_trouble_);
  }
}

void SessionReport::tell_nothing_to_do() const {
  const auto counts = results::count(folder_.recorder.results());
  std::cerr << fmt::format(
      "nothing to do: {} of {} trials are finished{} ({}); --output for another folder\n",
      counts.finished + counts.diverged, counts.total,
      counts.failed == 0 ? "" : fmt::format(", {} failed", counts.failed), folder_.path.string());
}

void SessionReport::tell_stop(int signal, std::size_t num_left) const {
  const auto counts = results::count(folder_.recorder.results());
  std::cerr << fmt::format("{}: {} of {} trials finished{}{}; the same command continues\n",
                           signal == 0 ? describe_stop(signal) : "stopped",
                           counts.finished + counts.diverged, counts.total,
                           signal == 0 ? fmt::format(", {} left", num_left) : "",
                           describe_saved(folder_.checkpoints.keys().size()));
}

void SessionReport::tell_end(const RunProgress& progress, double busy_share) const {
  const auto& results = folder_.recorder.results();
  const auto counts = results::count(results);
  std::cerr << fmt::format("{} trials finished in {} ({} failed, {} diverged, {:.0f} % busy)\n",
                           progress.num_ended, format_duration(progress.elapsed_s), counts.failed,
                           counts.diverged, 100 * busy_share)
            << describe_failed(status_of(results));
  const auto file = (folder_.path / "results.h5").string();
  std::cout << '\n'
            << results::to_text(results::summarize_sweep(results, {})) << '\n'
            << file << "     python: xarray.open_dataset(\"" << file << "\")" << std::endl;
}

bool SessionReport::has_trouble() const {
  return !folder_.recorder.results_trouble().empty() || !status_trouble_.empty();
}

void SessionReport::tell_trouble() const {
  for (const auto& trouble : {folder_.recorder.results_trouble(), status_trouble_}) {
    if (!trouble.empty()) std::cerr << "mpisweep: " << trouble << '\n';
  }
  std::cerr << "mpisweep: the journal has every result, the same command writes the rest\n";
}

}  // namespace sweep
