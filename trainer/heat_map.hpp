#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "trainer/losses/loss.hpp"
#include "trainer/losses/pass.hpp"
#include "trainer/torch.hpp"

/// Where the inputs of a trial lie: weight on the foreground against probability of the label, as a
/// histogram of 5 x 5 bins. A bin holds what is at least its lower edge and below its upper edge,
/// the last one what is above as well. Values are compared with edges in the type of the values, in
/// which an edge is the number nearest to it: 0.2F is at the edge 0.2, in the upper bin.
namespace trainer {

inline constexpr std::int64_t kHeatBins = 5;  // along each axis

/// 0, .2, .4, .6, .8, 1 for every trial.  Shapes: values [T, N] -> [T, 6], of their type
torch::Tensor fixed_edges(const torch::Tensor& values);

/// Equally spaced from the smallest to the largest value of each trial; no numbers if N is 0.
/// Shapes: values [T, N] -> [T, 6], of their type
torch::Tensor data_range_edges(const torch::Tensor& values);

/// The fraction of each trial's points in each bin; no numbers if N is 0. Points that are no
/// numbers are in no bin.
/// Shapes: x, y [T, N], edges [T, 6] -> [T, 5 (x), 5 (y)] double
torch::Tensor heat_map(const torch::Tensor& x, const torch::Tensor& x_edges, const torch::Tensor& y,
                       const torch::Tensor& y_edges);

/// The maps of a split in CPU memory, for every trial of a pack.
struct HeatMaps {
  struct OfRule {
    torch::Tensor fixed = {};        ///< [T, 5, 5], with fixed edges
    torch::Tensor data_range = {};   ///< [T, 5, 5], with edges over the range of the data
    torch::Tensor score_edges = {};  ///< [T, 6], of data_range along its second axis
  };
  torch::Tensor focus_edges = {};  ///< [T, 6], of data_range along its first axis
  std::map<Rule, OfRule> by_rule = {};
};

/// Collects the points of all inputs that have a foreground, batch by batch. They stay on the
/// device until maps().
class HeatPoints {
 public:
  /// Shapes: foreground [m, B] bool
  void add(Pass& pass, const torch::Tensor& foreground);

  /// Waits for the device. There must be a batch.
  HeatMaps maps() const;

 private:
  std::vector<torch::Tensor> focus_ = {};                  // each [T, N]
  std::map<Rule, std::vector<torch::Tensor>> score_ = {};  // each [T, N]
};

}  // namespace trainer
