#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sweep/config_yaml.hpp"
#include "sweep/launcher.hpp"

namespace sweep {

/// What a person wants of a Slurm job: `slurm:` in a config, the file slurm.yaml of the person, or
/// the command line. What is absent is decided by the next of these, and by what makes sense.
struct SlurmSettings {
  std::optional<int> nodes = {};           ///< >= 1
  std::optional<int> gpus_per_node = {};   ///< 0: none is wanted
  std::optional<int> tasks_per_node = {};  ///< ranks on a node without GPUs, >= 1
  std::string time = {};                   ///< limit, as sbatch takes it
  std::string partition = {};
  std::string account = {};
  std::optional<Launcher> launcher = {};
  std::vector<std::string> modules = {};  ///< to load before anything else
  std::vector<std::string> extra = {};    ///< more options of sbatch, such as "--mem=0"
};

/// Reads a map of such settings; what is wrong with it is added to the problems. `prefix` stands
/// before a key in a message, such as "slurm.".
SlurmSettings read_slurm_settings(const ConfigNode& map, const std::string& prefix,
                                  std::vector<ConfigProblem>& problems);

/// Those of `first`, and of `then` what `first` leaves open. Lists are joined, those of
/// `first` last, since sbatch obeys the last of two options.
SlurmSettings join(SlurmSettings first, const SlurmSettings& then);

}  // namespace sweep
