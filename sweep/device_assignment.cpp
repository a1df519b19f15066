#include "sweep/device_assignment.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "protocol/json_fields.hpp"
#include "protocol/messages.hpp"
#include "sweep/clock.hpp"
#include "sweep/name_list.hpp"
#include "sweep/slurm/programs.hpp"

namespace sweep {
namespace {

/// A node and what is found out about it.
struct Node {
  std::map<std::string, int> num_ranks_of = {};   ///< by GPU that a rank sees
  std::set<std::vector<std::string>> lists = {};  ///< that its ranks see
  std::set<std::string> tasks = {};               ///< of Slurm's that its ranks are part of
  int num_ranks = 0;
  int num_idle = 0;
  bool asks_per_task = false;
  bool is_in_slurm = false;
};

using Nodes = std::map<std::string, Node>;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool asks_slurm_for_gpus_per_task() {
  const char* resources = std::getenv("SLURM_TRES_PER_TASK");
  return is_set("SLURM_GPUS_PER_TASK") || is_set("SLURM_NTASKS_PER_GPU") ||
         (resources != nullptr && std::string_view(resources).find("gpu") != std::string::npos);
}

RankDevice take_device(Node& node, const std::vector<std::string>& gpus) {
  if (gpus.empty()) {
    ++node.num_idle;
    return {};
  }
  const auto least = std::ranges::min_element(
      gpus, {}, [&node](const auto& gpu) { return node.num_ranks_of[gpu]; });
  ++node.num_ranks_of[*least];
  return {.device = fmt::format("cuda:{}", least - gpus.begin()), .gpu = *least};
}

/// Whether ranks share the only GPUs that they see, though Slurm was asked for some of each rank's
/// own. Tasks of their own may all call theirs 0, where Slurm hides the others.
bool is_trapped(const Node& node) {
  const bool is_shared =
      std::ranges::any_of(node.num_ranks_of, [](const auto& entry) { return entry.second > 1; });
  const bool are_own_tasks = static_cast<int>(node.tasks.size()) == node.num_ranks;
  return node.asks_per_task && is_shared && node.lists.size() == 1 && !are_own_tasks;
}

int count_unused(const Node& node) {
  return static_cast<int>(std::ranges::count_if(
      node.num_ranks_of, [](const auto& entry) { return entry.second == 0; }));
}

/// The nodes of which something is true.
template <class Predicate>
std::vector<std::string> select(const Nodes& nodes, const Predicate& is_so) {
  std::vector<std::string> names;
  for (const auto& [name, node] : nodes) {
    if (is_so(node)) names.push_back(name);
  }
  return names;
}

std::vector<std::string> findings_of(const Nodes& nodes) {
  std::vector<std::string> findings;
  const auto trapped = select(nodes, is_trapped);
  if (!trapped.empty()) {
    findings.push_back(fmt::format(
        "ranks share a GPU on {} (mpirun starts all ranks of a node as one task of Slurm, which "
        "gets the GPUs of one), ask with --gpus-per-node in place of --gpus-per-task, or start the "
        "ranks with srun --mpi=pmix",
        to_name_list(trapped)));
  }
  const auto idle = select(nodes, [](const Node& node) { return node.num_idle > 0; });
  if (!idle.empty()) {
    findings.push_back(fmt::format(
        "ranks on {} see no GPU and stay idle (others have GPUs), leave those nodes out, or take "
        "--device cpu for all",
        to_name_list(idle)));
  }
  const auto unused =
      select(nodes, [](const Node& node) { return node.is_in_slurm && count_unused(node) > 0; });
  if (!unused.empty()) {
    int count = 0;
    for (const auto& name : unused)
      count += count_unused(nodes.at(name));
    findings.push_back(fmt::format(
        "{} GPU{} on {} {} no rank, start more ranks (--ranks) or ask "
        "Slurm for fewer GPUs",
        count, count == 1 ? "" : "s", to_name_list(unused), count == 1 ? "has" : "have"));
  }
  return findings;
}

}  // namespace

RankView view_of_this_rank() {
  return {.node = node_name(),
          .gpus = names_of_gpus(visible_gpus()),
          .is_in_slurm = is_set("SLURM_JOB_ID"),
          .asks_per_task = asks_slurm_for_gpus_per_task(),
          .task = environment_variable("SLURM_PROCID")};
}

std::string serialize(const RankView& view) {
  return nlohmann::json({{"node", view.node},
                         {"gpus", view.gpus},
                         {"is_in_slurm", view.is_in_slurm},
                         {"asks_per_task", view.asks_per_task},
                         {"task", view.task}})
      .dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
}

RankView parse_rank_view(const std::string& text) {
  try {
    const auto json = protocol::parse_json(text);
    const protocol::JsonFields fields(json, "a rank's view");
    return {.node = fields.required<std::string>("node"),
            .gpus = fields.required<std::vector<std::string>>("gpus"),
            .is_in_slurm = fields.required<bool>("is_in_slurm"),
            .asks_per_task = fields.required<bool>("asks_per_task"),
            .task = fields.required<std::string>("task")};
  } catch (const nlohmann::json::exception& error) {
    throw protocol::ProtocolError(
        fmt::format("a rank does not say what it sees ({})", error.what()));
  }
}

DeviceAssignment assign_devices(bool uses_gpus, const std::vector<RankView>& views) {
  DeviceAssignment assignment;
  if (!uses_gpus) {
    assignment.ranks.assign(views.size(), {.device = "cpu"});
    return assignment;
  }
  Nodes nodes;
  for (const auto& view : views) {
    auto& node = nodes[view.node];
    node.lists.insert(view.gpus);
    node.tasks.insert(view.task);
    ++node.num_ranks;
    node.asks_per_task = node.asks_per_task || view.asks_per_task;
    node.is_in_slurm = node.is_in_slurm || view.is_in_slurm;
    for (const auto& gpu : view.gpus)
      node.num_ranks_of.try_emplace(gpu, 0);
    assignment.ranks.push_back(take_device(node, view.gpus));
  }
  assignment.findings = findings_of(nodes);
  return assignment;
}

std::string flaw_of_choice(DeviceChoice choice, const std::vector<RankView>& views) {
  const auto with_gpus =
      std::ranges::find_if(views, [](const auto& view) { return !view.gpus.empty(); });
  const bool is_fine =
      choice != DeviceChoice::automatic || with_gpus == views.end() || with_gpus == views.begin();
  if (is_fine) return "";
  return fmt::format(
      "{}, where rank 0 is, has no GPU, but {} has, start rank 0 on a node with a GPU, or say "
      "--device cpu",
      views.front().node, with_gpus->node);
}

}  // namespace sweep
