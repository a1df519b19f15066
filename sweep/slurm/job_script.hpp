#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sweep/slurm/settings.hpp"

/// From what is wanted of a Slurm job and what a cluster has to the job's script. Nothing is run
/// or written here.
namespace sweep {

/// What a partition offers, as far as it is known.
struct Partition {
  int num_nodes = 1;
  int cores_per_node = 1;
  int gpus_per_node = 0;
  std::string longest_time = {};  ///< as Slurm says it, "infinite" too; empty: unknown
};

/// The size of a job.
struct JobShape {
  int nodes = 1;
  int tasks_per_node = 1;  ///< ranks
  int gpus_per_node = 0;   ///< one for each rank, or none
  std::string time = {};
  int num_ranks() const { return nodes * tasks_per_node; }
};

/// A job for so many packs: what the settings say, and for the rest no more nodes than have work
/// and the partition has, with all of their GPUs, or cores. Without a partition to ask, one node
/// with one GPU.
JobShape shape_job(const SlurmSettings& settings, const std::optional<Partition>& partition,
                   std::size_t num_packs);

/// What the lines of `sinfo --format="%P|%D|%c|%G|%l"` say of the wanted partition, or of the
/// default one if none is: of its largest nodes. Nothing if it is not among them.
std::optional<Partition> partition_from(const std::string& lines, const std::string& wanted);

/// A job of a sweep.
struct SweepJob {
  std::string name = {};
  std::filesystem::path program = {};
  std::filesystem::path config = {};
  std::filesystem::path output = {};
  std::vector<std::string> run_options = {};
  double grace_s = 20;  ///< that ranks need to save
};

/// The script for sbatch: slurm/template.sh with its two blocks filled in. Paths should be
/// absolute.
std::string make_job_script(const SweepJob& job, const SlurmSettings& settings,
                            const JobShape& shape);

}  // namespace sweep
