#include "sweep/announcements.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "sweep/clock.hpp"
#include "sweep/name_list.hpp"

namespace sweep {
namespace {

using Workers = std::map<int, Coordinator::WorkerState>;

constexpr std::size_t kMostKinds = 6;  // of nodes that have a line each

std::string device_of(const Coordinator::WorkerState& worker) {
  if (worker.is_unable) return "not training";
  return worker.is_ready ? worker.total.info.device : "starting";
}

/// The ranks of a node that train on devices of one name.
struct Devices {
  int num_ranks = 0;
  std::set<std::string> gpus = {};
};

/// "4 × NVIDIA H100 (GPU 0-3)"
std::string describe(const std::string& name, const Devices& devices) {
  auto text = devices.num_ranks == 1 ? name : fmt::format("{} × {}", devices.num_ranks, name);
  if (devices.gpus.empty()) return text;
  text += fmt::format(" (GPU {}", to_name_list({devices.gpus.begin(), devices.gpus.end()}));
  const bool is_shared = devices.gpus.size() < static_cast<std::size_t>(devices.num_ranks);
  return text + (is_shared ? ", shared)" : ")");
}

/// What each node's ranks train on, as text, by node.
std::map<std::string, std::string> describe_nodes(const Workers& workers) {
  std::map<std::string, std::map<std::string, Devices>> nodes;
  for (const auto& [rank, worker] : workers) {
    const auto& info = worker.total.info;
    auto& devices = nodes[info.host][device_of(worker)];
    ++devices.num_ranks;
    if (!info.gpu.empty()) devices.gpus.insert(info.gpu);
  }
  std::map<std::string, std::string> texts;
  for (const auto& [node, kinds] : nodes) {
    std::string text;
    for (const auto& [name, devices] : kinds)
      text += (text.empty() ? "" : ", ") + describe(name, devices);
    texts[node] = text;
  }
  return texts;
}

/// Nodes whose ranks train on the same.
struct Kind {
  std::string text = {};
  std::vector<std::string> nodes = {};
};

/// In the order of their first nodes.
std::vector<Kind> group_nodes(const Workers& workers) {
  std::vector<Kind> kinds;
  for (const auto& [node, text] : describe_nodes(workers)) {
    auto kind = std::ranges::find(kinds, text, &Kind::text);
    if (kind == kinds.end()) kind = kinds.insert(kind, {.text = text});
    kind->nodes.push_back(node);
  }
  return kinds;
}

/// "n[1-2]: 4 × NVIDIA H100 (GPU 0-3) on each"
std::string describe(const Kind& kind) {
  return fmt::format("{}: {}{}", to_name_list(kind.nodes), kind.text,
                     kind.nodes.size() > 1 ? " on each" : "");
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

std::string describe_workers(const Workers& workers, const std::string& output) {
  const auto kinds = group_nodes(workers);
  const auto ranks = fmt::format("{} rank{}", workers.size(), workers.size() == 1 ? "" : "s");
  if (kinds.size() == 1) {
    return fmt::format("{} on {}   output: {}\n", ranks, describe(kinds.front()), output);
  }
  std::size_t num_nodes = 0;
  std::size_t num_lines = 0;
  std::string lines;
  for (const auto& kind : kinds) {
    num_nodes += kind.nodes.size();
    if (num_lines++ < kMostKinds) lines += fmt::format("  {}\n", describe(kind));
  }
  if (num_lines > kMostKinds) {
    lines += fmt::format("  ... and {} more kinds of nodes, all are in log.txt\n",
                         num_lines - kMostKinds);
  }
  return fmt::format("{} on {} nodes   output: {}\n{}", ranks, num_nodes, output, lines);
}

std::string describe_worker(const Coordinator::WorkerState& worker) {
  const auto& info = worker.total.info;
  return fmt::format("{}{} on {}", device_of(worker),
                     info.gpu.empty() ? "" : fmt::format(" (GPU {})", info.gpu), info.host);
}

std::string describe_saved(std::size_t num_packs) {
  if (num_packs == 0) return "";
  return fmt::format(", {} pack{} saved", num_packs, num_packs == 1 ? "" : "s");
}

std::string describe_stop(int signal) {
  return signal == 0 ? "stopped ahead of the end of the job"
                     : fmt::format("stopped by signal {}", signal);
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
