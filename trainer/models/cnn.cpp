#include "trainer/models/cnn.hpp"

#include "trainer/models/dense.hpp"

namespace trainer {
namespace {

using Weights = std::span<const torch::Tensor>;

constexpr std::int64_t kKernel = 3;
constexpr std::int64_t kPool = 2;
constexpr std::int64_t kFirstChannels = 8;
constexpr std::int64_t kSecondChannels = 16;
constexpr std::int64_t kHidden = 32;
constexpr std::int64_t kSmallestImage = 10;  // leaves one pixel after both pools

std::int64_t size_after_stage(std::int64_t size) {
  return (size - kKernel + 1) / kPool;
}

std::int64_t num_features(const ImageShape& image) {
  const auto height = size_after_stage(size_after_stage(image.height));
  const auto width = size_after_stage(size_after_stage(image.width));
  return kSecondChannels * height * width;
}

/// One convolution stage per trial in channels-last order: the fastest form on a CPU, and the same
/// rounding for any T.  Shapes: images [T or 1][N, c, h, w], weight [T, out, c, 3, 3]
std::vector<torch::Tensor> convolve_each(const std::vector<torch::Tensor>& images,
                                         const torch::Tensor& weight, const torch::Tensor& bias) {
  const auto weights = weight.unbind(0);
  const auto biases = bias.unbind(0);
  std::vector<torch::Tensor> stages;
  for (std::size_t t = 0; t < weights.size(); ++t) {
    const auto& input = images[images.size() == 1 ? 0 : t];
    const auto kernel = weights[t].contiguous(at::MemoryFormat::ChannelsLast);
    auto maps = torch::conv2d(input, kernel, biases[t]);  // [N, out, h, w]
    stages.push_back(torch::max_pool2d(maps.relu_(), kPool));
  }
  return stages;
}

torch::Tensor features_on_cpu(Weights weights, const torch::Tensor& points,
                              const ImageShape& image) {
  std::vector<torch::Tensor> images;
  for (const auto& each : points.unbind(0)) {  // [d, N]
    images.push_back(each.t()
                         .reshape({-1, image.channels, image.height, image.width})
                         .contiguous(at::MemoryFormat::ChannelsLast));
  }
  images = convolve_each(images, weights[0], weights[1]);
  images = convolve_each(images, weights[2], weights[3]);
  for (auto& maps : images)
    maps = maps.flatten(1).t();  // [features, N]
  return torch::stack(images);   // [T, features, N]
}

/// One grouped convolution serves the pack: a trial is a group of channels.
/// Shapes: images [N, T or 1 times c, h, w], weight [T, out, c, 3, 3] -> [N, T out, h, w]
torch::Tensor convolve_grouped(const torch::Tensor& images, const torch::Tensor& weight,
                               const torch::Tensor& bias) {
  const auto groups = images.size(1) / weight.size(2);
  const std::vector<std::int64_t> stride = {1, 1};
  const std::vector<std::int64_t> padding = {0, 0};
  auto maps = torch::conv2d(images, weight.flatten(0, 1), bias.flatten(), stride, padding,
                            /*dilation=*/stride, groups);
  return torch::max_pool2d(maps.relu_(), kPool);
}

torch::Tensor features_on_gpu(Weights weights, const torch::Tensor& points,
                              const ImageShape& image) {
  const auto T = weights[0].size(0);
  const auto N = points.size(2);
  auto maps = points.permute({2, 0, 1}).reshape({N, -1, image.height, image.width});
  maps = convolve_grouped(maps, weights[0], weights[1]);
  maps = convolve_grouped(maps, weights[2], weights[3]);
  return maps.reshape({N, T, -1}).permute({1, 2, 0});  // [T, features, N]
}

torch::Tensor hidden_units(Weights weights, const torch::Tensor& points, const ImageShape& image) {
  const auto features = points.is_cuda() ? features_on_gpu(weights, points, image)
                                         : features_on_cpu(weights, points, image);
  return dense(weights[4], weights[5], features).relu_();  // [T, hidden, N]
}

std::vector<WeightShape> convolution_weights(std::int64_t in, std::int64_t out) {
  const auto fan_in = in * kKernel * kKernel;
  return {{.sizes = {out, in, kKernel, kKernel}, .fan_in = fan_in},
          {.sizes = {out}, .fan_in = fan_in}};
}

std::vector<WeightShape> weights_before(const std::vector<WeightShape>& output,
                                        const ImageShape& image) {
  auto weights = convolution_weights(image.channels, kFirstChannels);
  for (const auto& more : {convolution_weights(kFirstChannels, kSecondChannels),
                           dense_weights_and_bias(num_features(image), kHidden), output}) {
    weights.insert(weights.end(), more.begin(), more.end());
  }
  return weights;
}

ImageShape expect_image(const DataShape& shape) {
  if (!shape.image) {
    throw SettingError("model.name", "cnn needs images", "use a data set of kind mosaic");
  }
  if (shape.image->height >= kSmallestImage && shape.image->width >= kSmallestImage) {
    return *shape.image;
  }
  throw SettingError("model.name", "cnn needs images of at least 10 x 10 pixels, not " +
                                       std::to_string(shape.image->height) + " x " +
                                       std::to_string(shape.image->width));
}

Model make_cnn(const nlohmann::json& /*settings*/, const DataShape& shape) {
  const auto image = expect_image(shape);
  const auto floats = kFirstChannels * image.height * image.width;
  return {.focus = {.weights = weights_before(dense_weights(kHidden, 1), image),
                    .forward =
                        [image](Weights weights, const torch::Tensor& points) {
                          return dense(weights[6], hidden_units(weights, points, image));
                        },
                    .floats_per_point = floats},
          .classifier = {.weights =
                             weights_before(dense_weights_and_bias(kHidden, shape.classes), image),
                         .forward =
                             [image](Weights weights, const torch::Tensor& points) {
                               return dense(weights[6], weights[7],
                                            hidden_units(weights, points, image));
                             },
                         .floats_per_point = floats},
          .gains_from_packs_on_cpu = false};
}

}  // namespace

ModelKind cnn_kind() {
  return {.choice = {.name = "cnn", .help = "two convolutions and two dense layers, for images"},
          .make = make_cnn};
}

}  // namespace trainer
