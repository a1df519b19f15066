#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sweep/config_yaml.hpp"
#include "sweep/schedule.hpp"
#include "sweep/slurm/settings.hpp"

/// The config file as structs.
namespace sweep {

/// `run:` in the config: what does not change results.
struct RunSettings {
  int pack_width = 0;              ///< most trials in a pack, >= 1; 0: the trainer decides
  double trial_timeout_s = 600;    ///< longest silence of a trainer with a pack; 0: any
  double grace_s = 20;             ///< from a signal to the end of a run, > 0
  double checkpoint_every_s = 60;  ///< between two saved states of a pack; 0: never
  Retries retries = default_retries();
  int restarts = 3;            ///< of an MPI job that dies without progress, >= 0
  double restart_pause_s = 1;  ///< before the first of them; doubles with each, > 0
};

/// One axis of the grid with the values as written.
struct ConfigAxis {
  std::string key = {};  ///< dotted where it reaches inside
  std::vector<ConfigNode> values = {};
  Place place = {};
};

/// A config as read: structure and types are checked, the study's own settings are not.
struct Config {
  std::string name = {};
  std::filesystem::path path = {};
  std::string text = {};                  ///< the file as read
  std::vector<std::string> trainer = {};  ///< command of a foreign trainer; empty: the built-in one
  ConfigNode datasets = {.kind = ConfigNode::Kind::map};
  ConfigNode trial = {.kind = ConfigNode::Kind::map};
  std::vector<ConfigAxis> grid = {};
  std::vector<std::string> replicate = {"seed"};
  RunSettings run = {};
  SlurmSettings slurm = {};

  /// Where relative paths of the config start.
  std::filesystem::path folder() const { return path.parent_path(); }
};

/// Whether a key belongs to a trial, not to the settings that trials share: seed, learning_rate.
bool is_trial_key(const std::string& key);

/// Reads a config and applies `--set key=value` overrides. All problems are added to the list; what
/// could be read is returned all the same, so that the study can look for more. The axes of a grid
/// that is too large have no values.
/// An override's key is a full path ("trial.epochs", "grid.seed") or just a setting's ("epochs").
Config read_config(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                   std::vector<ConfigProblem>& problems);

/// The problems in line order, one per line: "mpisweep: what in FILE (line 9), hint". What a config
/// makes too long or unprintable is shortened and masked; so is the list after kMostProblems.
std::string describe(std::vector<ConfigProblem> problems, const std::filesystem::path& path);

}  // namespace sweep
