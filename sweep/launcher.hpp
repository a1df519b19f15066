#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sweep/slurm/allocation.hpp"

namespace sweep {

/// What starts the ranks of an MPI job.
enum class Launcher { mpirun, srun };

struct Launch {
  Launcher launcher = Launcher::mpirun;
  int num_ranks = 1;
  std::vector<NodeRanks> places = {};  ///< on which nodes of a Slurm job; empty: here
  bool has_gpu_per_rank = false;       ///< srun is to give each rank one GPU of its own
};

/// The command that runs this program as ranks.
std::vector<std::string> command_of(const Launch& launch,
                                    const std::vector<std::string>& arguments);

/// What is wanted of a launch.
struct LaunchWish {
  Launcher launcher = Launcher::mpirun;
  bool uses_gpus = false;
  std::optional<int> num_ranks = {};  ///< absent: one per GPU of a Slurm job, or per core
  int most_ranks = 1;                 ///< that can have something to do
  int num_ranks_here = 1;             ///< outside of a Slurm job, unless num_ranks says otherwise
};

/// How ranks are launched now: on those nodes of our Slurm job that have not been lost, which are
/// named on standard error; else on this machine.
/// Throws: std::runtime_error if all nodes are lost; std::system_error if no process can be made.
Launch plan_launch(const LaunchWish& wish);

}  // namespace sweep
