#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "results/records.hpp"
#include "sweep/config.hpp"

/// From a config to its trials. Plain functions: no I/O, no MPI.
namespace sweep {

/// Settings shared by all trials that differ in nothing but seed and learning rate.
struct Combination {
  nlohmann::json settings = nlohmann::json::object();  ///< data sets in place of their names
  std::vector<std::size_t> value_indices = {};         ///< per axis; 0 for seed and learning_rate
};

/// One point of the grid.
struct GridTrial {
  std::size_t combination = 0;  ///< index into Grid::combinations
  std::optional<std::int64_t> seed = {};
  std::optional<double> learning_rate = {};
};

/// An axis as trials see it: of seeds, of learning rates, or of combinations (neither list).
struct TrialAxis {
  std::size_t length = 1;
  std::vector<std::int64_t> seeds = {};
  std::vector<double> learning_rates = {};
};

/// The points of a grid in order, worked out when they are asked for: there may be millions.
class GridTrials {
 public:
  GridTrials() = default;

  /// `fixed` is what a trial has on no axis.
  GridTrials(std::vector<TrialAxis> axes, GridTrial fixed);

  std::size_t size() const { return size_; }
  GridTrial operator[](std::size_t index) const;

 private:
  std::vector<TrialAxis> axes_ = {};
  GridTrial fixed_ = {};
  std::size_t size_ = 0;
};

struct Grid {
  std::vector<results::Axis> axes = {};
  std::vector<Combination> combinations = {};  ///< in the order in which the trials meet them
  GridTrials trials = {};                      ///< the last axis runs fastest
};

/// The cross product of all axes. The grid's values win over the trial's; dotted keys are put in
/// last and reach inside maps (a text counts as {name: text}).
/// Adds problems for seeds, learning rates and data set names that cannot be. There are no trials
/// if an axis has no values.
Grid expand_grid(const Config& config, std::vector<ConfigProblem>& problems);

/// Where the config sets a combination's setting, given its dotted path.
Place place_of_setting(const Config& config, const Combination& combination,
                       const std::string& path);

/// A trial's identity from what decides its result.
/// `settings` as the trainer resolved them, the study's name included.
results::TrialId identify(const nlohmann::json& settings, int study_version,
                          const GridTrial& trial);

/// What the identities of all trials of a combination have in common, made once for all of them.
std::string shared_identity(const nlohmann::json& settings, int study_version);
results::TrialId identify(const std::string& shared_identity, const GridTrial& trial);

/// "loss=hard seed=3": a trial's values on all axes of more than one value.
std::string label_trial(const std::vector<results::Axis>& axes, std::size_t trial_index);

/// The position of a trial on each axis.
std::vector<std::size_t> value_indices(const std::vector<results::Axis>& axes,
                                       std::size_t trial_index);

}  // namespace sweep
