#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trainer/heat_map.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/metrics.hpp"
#include "trainer/torch.hpp"

/// What the training of a pack showed, and how its curves are kept between two processes.
namespace trainer {

using TrialMetrics = std::vector<Metrics>;  ///< by trial
using Curve = std::vector<TrialMetrics>;    ///< entry 0 before training, entry e after epoch e

/// One split. Curves end early if every trial has diverged.
struct SplitHistory {
  Curve own = {};                      ///< each entry under the loss and the rule of its phase
  std::map<Rule, Curve> by_rule = {};  ///< under each rule; empty unless asked for
  std::map<Rule, TrialMetrics> at_end = {};  ///< under each rule
  HeatMaps heat_maps = {};                   ///< at the end
};

struct PackHistory {
  SplitHistory train = {};
  SplitHistory test = {};                            ///< empty without a test split
  std::vector<std::optional<int>> diverged_in = {};  ///< epoch, by trial
};

/// The curves of a split, by names that begin with `name`.  Shapes: each [T, entries, numbers]
std::map<std::string, torch::Tensor> to_tensors(const SplitHistory& split, const std::string& name,
                                                std::size_t num_trials);

/// The curves that to_tensors() gave under this name.
SplitHistory curves_from(const std::map<std::string, torch::Tensor>& tensors,
                         const std::string& name);

}  // namespace trainer
