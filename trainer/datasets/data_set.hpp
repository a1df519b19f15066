#pragma once

#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "trainer/models/model.hpp"
#include "trainer/settings.hpp"
#include "trainer/torch.hpp"

namespace trainer {

/// Inputs of m segments each, kept as indices into a pool of points that segments are taken from.
struct Split {
  torch::Tensor points;      ///< [P, d] float, or bytes b that stand for 2 b / 255 - 1; of tokens
                             ///< 0 .. P - 1 in turn, [P, 1] int64
  torch::Tensor members;     ///< [N, m] int64, rows of `points`
  torch::Tensor labels;      ///< [N] int64
  torch::Tensor foreground;  ///< [N, m] bool, the segments that carry the label; none or several
                             ///< of them in some data, such as rationales of a text

  /// The last segments of inputs that have fewer than m, each at least one.  Shapes: [N, m] bool
  torch::Tensor absent = {};  ///< undefined: every input has m

  std::int64_t size() const { return labels.size(0); }
  Split to(torch::Device device) const;
};

/// The same inputs in another order.  Shapes: order [N] int64
Split reorder(const Split& split, const torch::Tensor& order);

struct DataSet {
  DataShape shape = {};
  Split train;
  std::optional<Split> test = {};
};

/// What can be said of a data set without building it.
struct DataSummary {
  nlohmann::json identity = {};  ///< the settings that decide its content, fingerprints for paths
  DataShape shape = {};
  double size_bytes = 0;  ///< of the data set in memory, all its batches included
  double train_size = 0;  ///< training inputs
};

/// How the settings choose a data set. Both functions take the resolved section "dataset".
struct DataSetKind {
  Choice choice = {};

  /// Throws: SettingError if settings do not fit together or data is missing.
  DataSummary (*describe)(const nlohmann::json& settings) = nullptr;

  /// The data set in CPU memory.  Throws: SettingError, as describe().
  DataSet (*load)(const nlohmann::json& settings) = nullptr;
};

/// All data sets.
const std::vector<DataSetKind>& data_set_kinds();

/// The one that the resolved section "dataset" asks for.
const DataSetKind& find_data_set_kind(const nlohmann::json& settings);

}  // namespace trainer
