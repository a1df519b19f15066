#include "trainer/models/cnn.hpp"

#include "trainer/models/convolutional.hpp"

namespace trainer {
namespace {

constexpr std::int64_t kSmallestImage = 10;  // leaves one pixel after both pools

const std::vector<ConvolutionStage> kStages = {{.kernel = 3, .channels = 8},
                                               {.kernel = 3, .channels = 16}};
constexpr std::int64_t kDense = 32;

Model make_cnn(const nlohmann::json& /*settings*/, const DataShape& shape) {
  const auto image = expect_image(shape, "cnn", kSmallestImage);
  return {.focus = make_network({.stages = kStages, .dense = {kDense, 1}, .has_output_bias = false},
                                image),
          .classifier = make_network({.stages = kStages, .dense = {kDense, shape.classes}}, image),
          .gains_from_packs_on_cpu = false};
}

}  // namespace

ModelKind cnn_kind() {
  return {.choice = {.name = "cnn", .help = "two convolutions and two dense layers, for images"},
          .make = make_cnn};
}

}  // namespace trainer
