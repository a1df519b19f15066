#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "trainer/parameters.hpp"
#include "trainer/settings.hpp"
#include "trainer/torch.hpp"

namespace trainer {

/// Sizes of an image whose pixels are the features of a segment, channel by channel, row by row.
struct ImageShape {
  std::int64_t channels = 1;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// What a model must fit: inputs of m segments with d features each, C classes.
struct DataShape {
  std::int64_t segments = 0;
  std::int64_t features = 0;
  std::int64_t classes = 0;
  std::optional<ImageShape> image = {};  ///< absent: the features are no image
};

/// A network for a pack: the weights it wants and what it computes with them.
struct Network {
  std::vector<WeightShape> weights = {};

  /// Shapes: weights [T, sizes...], points [T or 1, d, N] -> [T, out, N]
  std::function<torch::Tensor(std::span<const torch::Tensor> weights, const torch::Tensor& points)>
      forward = {};

  std::int64_t floats_per_point = 0;  ///< that one trial keeps for the backward pass
};

/// A focus network (out = 1) scores segments, a classifier (out = C) labels a segment or a blend.
struct Model {
  Network focus = {};
  Network classifier = {};
  bool gains_from_packs_on_cpu = true;
};

/// How the settings choose a model.
struct ModelKind {
  Choice choice = {};
  /// Throws: SettingError if it cannot work on such data.
  Model (*make)(const nlohmann::json& settings, const DataShape& shape) = nullptr;
};

/// All models; the first is the default.
const std::vector<ModelKind>& model_kinds();

/// `settings` is the resolved section "model".
Model make_model(const nlohmann::json& settings, const DataShape& shape);

}  // namespace trainer
