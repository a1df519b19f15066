#include "sweep/launcher.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>
#include <stdexcept>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sweep/child_process.hpp"
#include "sweep/comm.hpp"
#include "sweep/name_list.hpp"
#include "sweep/slurm/queue.hpp"

namespace sweep {
namespace {

std::vector<std::string> names_of(const std::vector<AllocatedNode>& nodes) {
  std::vector<std::string> names(nodes.size());
  std::ranges::transform(nodes, names.begin(), &AllocatedNode::name);
  return names;
}

std::vector<std::string> names_of(const std::vector<NodeRanks>& places) {
  std::vector<std::string> names(places.size());
  std::ranges::transform(places, names.begin(), &NodeRanks::node);
  return names;
}

std::vector<std::string> mpirun_command(const Launch& launch) {
  std::vector<std::string> command = {"mpirun", "-n", std::to_string(launch.num_ranks)};
  if (!mpi_version().starts_with("Open MPI")) return command;
  // Quiet: our own message explains an exit code. Unbound: two jobs would share the first cores.
  command.insert(command.end(), {"--quiet", "--bind-to", "none", "--oversubscribe"});
  if (!launch.places.empty()) {
    // Slurm's SIGTERM reaches every process on the nodes; the daemons must leave it to the ranks.
    const auto agent = fmt::format("{} {} orted", own_program().string(), kExecDeafCommand);
    command.insert(command.end(), {"--host", to_host_list(launch.places)});
    if (std::ranges::count(agent, ' ') == 2) {  // mpirun splits it there
      command.insert(command.end(), {"--mca", "orte_launch_agent", agent});
    }
  }
  return command;
}

std::vector<std::string> srun_command(const Launch& launch) {
  std::vector<std::string> command = {"srun", "--mpi=pmix", "--kill-on-bad-exit=1",
                                      "--cpu-bind=none",
                                      fmt::format("--ntasks={}", launch.num_ranks)};
  if (!launch.places.empty()) {
    command.push_back(fmt::format("--nodes={}", launch.places.size()));
    command.push_back(fmt::format("--nodelist={}", fmt::join(names_of(launch.places), ",")));
  }
  if (launch.has_gpu_per_rank) command.push_back("--gpus-per-task=1");
  return command;
}

/// What of an allocation Slurm still counts on; tells of the rest.
Allocation without_lost(Allocation allocation, const std::vector<SlurmNode>& nodes) {
  std::vector<std::string> lost;
  for (const auto& node : nodes) {
    if (node.is_lost) lost.push_back(node.name);
  }
  if (lost.empty()) return allocation;
  std::cerr << fmt::format("mpisweep: lost {} of {} nodes of the job ({})\n", lost.size(),
                           allocation.nodes.size(), to_name_list(lost));
  std::erase_if(allocation.nodes, [&lost](const auto& node) {
    return std::ranges::find(lost, node.name) != lost.end();
  });
  if (allocation.nodes.empty()) throw std::runtime_error("no node of the job is left");
  return allocation;
}

/// Ranks of two nodes that are one machine would take each other's shared memory for their own.
void keep_apart(const std::vector<SlurmNode>& nodes) {
  std::set<std::string> machines;
  for (const auto& node : nodes)
    machines.insert(node.machine);
  if (machines.size() < nodes.size()) setenv("OMPI_MCA_btl", "^vader", /*overwrite=*/0);
}

/// Tells the launcher, by our environment, what Slurm would tell it of the whole job.
void set_launch_variables(const Allocation& allocation, const std::vector<NodeRanks>& places) {
  for (const auto& [name, value] : launch_variables(allocation, places)) {
    if (value.empty()) {
      unsetenv(name.c_str());
    } else {
      setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
    }
  }
}

int count_gpus(const Allocation& allocation) {
  int sum = 0;
  for (const auto& node : allocation.nodes)
    sum += node.num_gpus;
  return sum;
}

}  // namespace

std::vector<std::string> command_of(const Launch& launch,
                                    const std::vector<std::string>& arguments) {
  auto command = launch.launcher == Launcher::srun ? srun_command(launch) : mpirun_command(launch);
  command.push_back(own_program().string());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

Launch plan_launch(const LaunchWish& wish) {
  Launch launch{.launcher = wish.launcher,
                .num_ranks = wish.num_ranks.value_or(wish.num_ranks_here)};
  const auto allocation = slurm_allocation();
  if (!allocation) return launch;
  const auto nodes = look_at_nodes(names_of(allocation->nodes));
  const auto left = without_lost(*allocation, nodes);
  keep_apart(nodes);
  launch.places = place_ranks(left, wish.uses_gpus, wish.num_ranks);
  if (!wish.num_ranks && count_ranks(launch.places) > wish.most_ranks) {
    launch.places = place_ranks(left, wish.uses_gpus, wish.most_ranks);
  }
  if (wish.launcher == Launcher::mpirun) set_launch_variables(*allocation, launch.places);
  launch.num_ranks = count_ranks(launch.places);
  launch.has_gpu_per_rank =
      wish.launcher == Launcher::srun && wish.uses_gpus && launch.num_ranks <= count_gpus(left);
  return launch;
}

}  // namespace sweep
