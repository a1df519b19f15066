#pragma once

#include <cstdint>
#include <vector>

#include "trainer/models/model.hpp"

namespace trainer {

/// An unpadded convolution of stride 1 and a ReLU, then perhaps a 2 x 2 max-pool of stride 2, which
/// drops an odd last row or column.
struct ConvolutionStage {
  std::int64_t kernel = 3;
  std::int64_t channels = 0;
  bool has_pool = true;
};

/// Convolutions, then dense layers, a ReLU after each but the last.
struct ConvolutionalNetwork {
  std::vector<ConvolutionStage> stages = {};
  std::vector<std::int64_t> dense = {};  ///< outputs of each dense layer
  bool has_bias = true;
  bool has_output_bias = true;        ///< of the last dense layer
  bool starts_xavier_normal = false;  ///< with biases of zero; else as a torch layer does
};

/// The network for images that leave at least one pixel after the stages.
Network make_network(const ConvolutionalNetwork& layers, const ImageShape& image);

/// relu(maxpool(W * x) + b) of a stage by LibTorch's operators, which is maxpool(relu(W * x + b)):
/// rounding and ReLU keep an order. A trial is a group of channels in one convolution.
/// Shapes: images [N, c or T c, h, w], weight [T, out, c, k, k], bias [T, out] or none
///         -> [N, T out, h', w']
torch::Tensor convolve_grouped(const torch::Tensor& images, const torch::Tensor& weight,
                               const torch::Tensor& bias, bool has_pool);

/// The image of a data set, for a model of this name.
/// Throws: SettingError if it has none, or one with less than `smallest` pixels in a row or column.
ImageShape expect_image(const DataShape& shape, const std::string& model, std::int64_t smallest);

}  // namespace trainer
