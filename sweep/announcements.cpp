#include "sweep/announcements.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "sweep/clock.hpp"

namespace sweep {

namespace {

std::string device_of(const Coordinator::WorkerState& worker) {
  if (worker.is_unable) return "not training";
  return worker.is_ready ? worker.total.info.device : "starting";
}

}  // namespace

std::string describe_plan(const results::PlanRecord& plan) {
  std::string text;
  for (const auto& axis : plan.axes) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " × ", axis.values.size(), axis.name);
  }
  return fmt::format("{}{}{} trial{}", text, text.empty() ? "" : " = ", plan.ids.size(),
                     plan.ids.size() == 1 ? "" : "s");
}

std::string describe_workers(const std::map<int, Coordinator::WorkerState>& workers) {
  std::set<std::string> hosts;
  std::map<std::string, int> devices;
  for (const auto& [rank, worker] : workers) {
    if (worker.is_ready) hosts.insert(worker.total.info.host);
    ++devices[device_of(worker)];
  }
  std::string list;
  for (const auto& [device, count] : devices) {
    list += fmt::format("{}{}{}", list.empty() ? "" : ", ",
                        count == 1 ? "" : fmt::format("{} × ", count), device);
  }
  return fmt::format("{} rank{} on {}: {}", workers.size(), workers.size() == 1 ? "" : "s",
                     hosts.size() == 1 ? *hosts.begin() : fmt::format("{} hosts", hosts.size()),
                     list);
}

std::string describe_held_back(const HeldBack& held) {
  if (held.num_packs == 0) return "";
  return fmt::format(
      "held back   {} pack{} ({} trial{}): {}, {} left to train\n", held.num_packs,
      held.num_packs == 1 ? "" : "s", held.num_trials, held.num_trials == 1 ? "" : "s",
      held.shortest_s < 0 ? "nobody knows how long they take"
                          : fmt::format("the shortest takes {}", format_duration(held.shortest_s)),
      format_duration(std::max(0.0, held.left_s)));
}

std::string describe_slurm_jobs(const std::vector<results::SlurmJob>& jobs) {
  std::string list;
  for (const auto& job : jobs) {
    list += fmt::format("{}{} on {}", list.empty() ? "" : ", ",
                        job.array_task.empty() ? job.id : job.array_task, job.nodes);
    if (job.num_restarts > 0) list += fmt::format(" (restart {})", job.num_restarts);
  }
  if (list.empty()) return "";
  return fmt::format("Slurm job{}   {}\n", jobs.size() == 1 ? "" : "s", list);
}

std::string describe_failed(const SweepStatus& status) {
  std::string text;
  for (const auto& trial : status.failed) {
    text += fmt::format("failed   {}   {}   {} ({} attempt{})\n", trial.id.substr(0, 8),
                        trial.label, trial.error, trial.attempts, trial.attempts == 1 ? "" : "s");
  }
  if (status.counts.failed > status.failed.size()) {
    text += fmt::format("... and {} more failed\n", status.counts.failed - status.failed.size());
  }
  return text;
}

}  // namespace sweep
