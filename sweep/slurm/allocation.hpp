#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What Slurm has given to the job that we are in, and how many ranks go where.
namespace sweep {

/// A node of a job, with what the job may use of it.
struct AllocatedNode {
  std::string name = {};
  int num_cores = 1;
  int num_gpus = 0;
};

struct Allocation {
  std::vector<AllocatedNode> nodes = {};
};

/// The nodes of the Slurm job that this process is in; nothing outside of one, or if its variables
/// make no sense. Where the job has GPUs, `scontrol` is asked once how many each node gives, for
/// ten seconds at most; without an answer all nodes have as many as this one.
/// Throws: std::system_error if no process can be made.
std::optional<Allocation> slurm_allocation();

/// How many ranks a node gets.
struct NodeRanks {
  std::string node = {};
  int num_ranks = 0;
};

/// Spreads ranks over the nodes: one per GPU of the allocation, or one per core without GPUs (or if
/// they are not wanted). `num_ranks` in place of that: the nodes take their share in turn, as often
/// as it goes, so that no device has two ranks while another has none. Nodes without a rank are
/// left out, as are those without a GPU if others have some.
std::vector<NodeRanks> place_ranks(const Allocation& allocation, bool may_use_gpus,
                                   std::optional<int> num_ranks);

int count_ranks(const std::vector<NodeRanks>& places);

/// "n1:4,n2:2", for Open MPI's --host.
std::string to_host_list(const std::vector<NodeRanks>& places);

/// What mpirun's environment must say so that Open MPI takes these places for its slots, and starts
/// its daemons with all GPUs of their nodes, also where Slurm was asked for some per task. An empty
/// value: the variable must go.
std::map<std::string, std::string> launch_variables(const Allocation& allocation,
                                                    const std::vector<NodeRanks>& places);

/// "n[1-2,07-09],gpu3" has n1, n2, n07, n08, n09, gpu3. Empty if the text is no such list, or names
/// more than 100,000 nodes.
std::vector<std::string> expand_node_list(const std::string& text);

/// "4(x2),2" is 4, 4, 2. Empty if the text is no such list.
std::vector<int> expand_counts(const std::string& text);

/// The GPUs of "gpu:a100:2(IDX:0-1),tmpdir:100", as Slurm lists the resources of a node.
int count_gpus(std::string_view resources);

/// GPUs by node from what `scontrol show job --details` prints:
///     Nodes=n[1-2] CPU_IDs=0-1 Mem=0 GRES=gpu:a100:2(IDX:0-1)
std::map<std::string, int> gpus_by_node(const std::string& job_details);

}  // namespace sweep
