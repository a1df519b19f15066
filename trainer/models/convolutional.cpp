#include "trainer/models/convolutional.hpp"

#include <utility>

#include <ATen/autocast_mode.h>

#include "trainer/models/convolution.hpp"
#include "trainer/models/dense.hpp"

namespace trainer {
namespace {

using Weights = std::span<const torch::Tensor>;

constexpr std::int64_t kFloatsPerIndex = 2;  // a pool keeps where its values came from

std::int64_t size_after(const ConvolutionStage& stage, std::int64_t size) {
  const auto convolved = size - stage.kernel + 1;
  return stage.has_pool ? convolved / kPool : convolved;
}

ImageShape image_after(const ConvolutionStage& stage, const ImageShape& image) {
  return {.channels = stage.channels,
          .height = size_after(stage, image.height),
          .width = size_after(stage, image.width)};
}

std::int64_t count(const ImageShape& image) {
  return image.channels * image.height * image.width;
}

/// Hands out the weights of a network one by one; of a layer without bias, no tensor.
class WeightReader {
 public:
  explicit WeightReader(Weights weights) : weights_(weights) {}

  const torch::Tensor& next() { return weights_[position_++]; }
  torch::Tensor next_if(bool has_bias) { return has_bias ? next() : torch::Tensor(); }

 private:
  Weights weights_;
  std::size_t position_ = 0;
};

torch::Tensor features_on_cpu(const ConvolutionalNetwork& layers, WeightReader& weights,
                              const torch::Tensor& points, const ImageShape& image) {
  auto maps = to_blocks(points, image);
  for (const auto& stage : layers.stages) {
    const auto& weight = weights.next();
    maps = convolve_blocks(maps, weight, weights.next_if(layers.has_bias), stage.has_pool);
  }
  return from_blocks(maps, points.size(2));  // [T, features, N]
}

torch::Tensor features_in_groups(const ConvolutionalNetwork& layers, WeightReader& weights,
                                 const torch::Tensor& points, const ImageShape& image) {
  const auto N = points.size(2);
  auto maps = points.permute({2, 0, 1}).reshape({N, -1, image.height, image.width});
  std::int64_t T = 1;
  for (const auto& stage : layers.stages) {
    const auto& weight = weights.next();
    T = weight.size(0);
    maps = convolve_grouped(maps, weight, weights.next_if(layers.has_bias), stage.has_pool);
  }
  return maps.reshape({N, T, -1}).permute({1, 2, 0});  // [T, features, N]
}

torch::Tensor dense_if(const torch::Tensor& weight, const torch::Tensor& bias,
                       const torch::Tensor& points) {
  return bias.defined() ? dense(weight, bias, points) : dense(weight, points);
}

bool has_bias(const ConvolutionalNetwork& layers, std::size_t dense_layer) {
  return dense_layer + 1 == layers.dense.size() ? layers.has_output_bias : layers.has_bias;
}

torch::Tensor forward(const ConvolutionalNetwork& layers, const ImageShape& image, Weights all,
                      const torch::Tensor& points) {
  WeightReader weights(all);
  const bool has_kernels = points.is_cpu() && !at::autocast::is_autocast_enabled(at::kCPU);
  auto units = has_kernels ? features_on_cpu(layers, weights, points, image)
                           : features_in_groups(layers, weights, points, image);
  for (std::size_t i = 0; i < layers.dense.size(); ++i) {
    const auto& weight = weights.next();
    units = dense_if(weight, weights.next_if(has_bias(layers, i)), units);  // [T, out, N]
    if (i + 1 < layers.dense.size()) units.relu_();
  }
  return units;
}

/// Lists the weights of a network, layer by layer.
class WeightList {
 public:
  explicit WeightList(bool starts_xavier_normal) : is_xavier_(starts_xavier_normal) {}

  /// `sizes` of the weight, {out, in, ...}.
  void add(const std::vector<std::int64_t>& sizes, bool has_bias) {
    const auto window = c10::multiply_integers(sizes.begin() + 2, sizes.end());
    const auto fan_in = sizes[1] * window;
    shapes_.push_back({.sizes = sizes,
                       .fan_in = fan_in,
                       .fan_out = sizes[0] * window,
                       .start = is_xavier_ ? Start::xavier_normal : Start::uniform});
    if (!has_bias) return;
    shapes_.push_back({.sizes = {sizes[0]},
                       .fan_in = fan_in,
                       .start = is_xavier_ ? Start::zero : Start::uniform});
  }

  std::vector<WeightShape> take() { return std::move(shapes_); }

 private:
  bool is_xavier_;
  std::vector<WeightShape> shapes_ = {};
};

}  // namespace

torch::Tensor convolve_grouped(const torch::Tensor& images, const torch::Tensor& weight,
                               const torch::Tensor& bias, bool has_pool) {
  const auto groups = images.size(1) / weight.size(2);
  const std::vector<std::int64_t> stride = {1, 1};
  const std::vector<std::int64_t> padding = {0, 0};
  auto maps = torch::conv2d(images, weight.flatten(0, 1), /*bias=*/{}, stride, padding,
                            /*dilation=*/stride, groups);
  if (has_pool) maps = torch::max_pool2d(maps, kPool);
  if (bias.defined()) maps += bias.to(maps.scalar_type()).reshape({-1, 1, 1});
  return maps.relu_();
}

ImageShape expect_image(const DataShape& shape, const std::string& model, std::int64_t smallest) {
  if (!shape.image) {
    throw SettingError("model.name", model + " needs images", "use a data set of kind mosaic");
  }
  const auto& image = *shape.image;
  if (image.height >= smallest && image.width >= smallest) return image;
  const auto size = std::to_string(smallest);
  throw SettingError("model.name", model + " needs images of at least " + size + " x " + size +
                                       " pixels, not " + std::to_string(image.height) + " x " +
                                       std::to_string(image.width));
}

Network make_network(const ConvolutionalNetwork& layers, const ImageShape& image) {
  WeightList weights(layers.starts_xavier_normal);
  std::int64_t floats = 0;
  std::int64_t multiply_adds = 0;
  auto maps = image;
  for (const auto& stage : layers.stages) {
    weights.add({stage.channels, maps.channels, stage.kernel, stage.kernel}, layers.has_bias);
    const auto convolved =
        stage.channels * (maps.height - stage.kernel + 1) * (maps.width - stage.kernel + 1);
    floats += convolved;
    multiply_adds += convolved * maps.channels * stage.kernel * stage.kernel;
    maps = image_after(stage, maps);
    if (stage.has_pool) floats += count(maps) * (1 + kFloatsPerIndex);
  }
  auto inputs = count(maps);
  for (std::size_t i = 0; i < layers.dense.size(); ++i) {
    weights.add({layers.dense[i], inputs}, has_bias(layers, i));
    multiply_adds += layers.dense[i] * inputs;
    inputs = layers.dense[i];
    floats += inputs;
  }
  return {.weights = weights.take(),
          .forward =
              [layers, image](Weights all, const torch::Tensor& points) {
                return forward(layers, image, all, points);
              },
          .floats_per_point = floats,
          .multiply_adds = multiply_adds};
}

}  // namespace trainer
