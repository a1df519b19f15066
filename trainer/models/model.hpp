#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "trainer/parameters.hpp"
#include "trainer/precision.hpp"
#include "trainer/settings.hpp"
#include "trainer/torch.hpp"

namespace trainer {

struct Batch;
struct Moment;

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
  std::int64_t vocabulary = 0;           ///< above 0: segments are tokens below it
};

/// A network for a pack: the weights it wants and what it computes with them.
struct Network {
  std::vector<WeightShape> weights = {};

  /// Shapes: weights [T, sizes...], points [T or 1, d, N] -> [T, out, N]
  std::function<torch::Tensor(std::span<const torch::Tensor> weights, const torch::Tensor& points)>
      forward = {};

  std::int64_t floats_per_point = 0;  ///< that one trial keeps for the backward pass
  std::int64_t multiply_adds = 0;     ///< per point; 0: one for each weight
};

/// Makes segments of tokens, for focus and classifier alike. Its weights are the first of the focus
/// network, which also gets the segments as its points.
struct Encoder {
  /// Shapes: weights of the focus network [T, sizes...] -> [T, d, m, B]
  std::function<torch::Tensor(std::span<const torch::Tensor> weights, const Batch& batch,
                              const Moment& moment)>
      forward = {};

  std::int64_t features = 0;            ///< d
  std::int64_t floats_per_segment = 0;  ///< that one trial keeps for the backward pass
  std::int64_t floats_per_pair = 0;     ///< likewise, of segments of one input
};

/// A focus network (out = 1) scores segments, a classifier (out = C) labels a segment or a blend.
struct Model {
  Network focus = {};
  Network classifier = {};
  bool gains_from_packs_on_cpu = true;
  std::optional<Encoder> encoder = {};     ///< absent: the data holds the segments
  std::optional<double> fixed_focus = {};  ///< weight on the foreground; absent: it is learned
  Precision precision = Precision::float32;
};

/// The model without its focus network: the foreground always has this weight.
/// Ranges: weight in (0, 1]      Throws: SettingError if segments come from the focus network.
Model fix_focus(Model model, double weight);

/// How the settings choose a model.
struct ModelKind {
  Choice choice = {};
  /// Throws: SettingError if it cannot work on such data.
  Model (*make)(const nlohmann::json& settings, const DataShape& shape) = nullptr;
  bool reads_tokens = false;
};

/// All models; the first is the default.
const std::vector<ModelKind>& model_kinds();

/// `settings` is the resolved section "model".
/// Throws: SettingError if the model cannot work on such data.
Model make_model(const nlohmann::json& settings, const DataShape& shape);

}  // namespace trainer
