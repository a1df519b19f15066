#include "sweep/announcements.hpp"

#include <set>

#include <fmt/format.h>

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
