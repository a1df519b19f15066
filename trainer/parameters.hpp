#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/torch.hpp"

namespace trainer {

/// How a weight begins.
enum class Start {
  uniform,        ///< U(-1/sqrt(fan_in), 1/sqrt(fan_in)), as in torch::nn::Linear and Conv2d
  xavier_normal,  ///< N(0, 2 / (fan_in + fan_out))
  zero,
  embedding  ///< N(0, 1), row 0 zero, as in torch::nn::Embedding with padding_idx 0
};

/// One weight tensor of a network as a single trial has it: {out, in} of a dense layer, {out} of
/// its bias.
struct WeightShape {
  std::vector<std::int64_t> sizes = {};
  std::int64_t fan_in = 1;   ///< inputs of one output, times the pixels of a kernel
  std::int64_t fan_out = 1;  ///< outputs of one input, likewise; of xavier_normal only
  Start start = Start::uniform;
};

/// The weights of all trials of a pack. One arena with a contiguous row per trial, so that to save,
/// drop or regroup a trial is a row operation; layers see leaf views of it.
///
///   Parameters parameters({12, 13}, {focus.weights, classifier.weights}, torch::kCPU);
///   parameters.differentiate(loss.sum());
///   parameters.theta().sub_(parameters.grad(), rate);
class Parameters {
 public:
  /// Draws a trial's weights from its own generator: each network from a generator seeded anew,
  /// each tensor in the order of the list; first all of them as Start::uniform or Start::embedding
  /// says, then once more those that start otherwise. These are the values of torch::nn::Linear,
  /// Conv2d and Embedding after torch::manual_seed(seed), and of torch::nn::init over them.
  Parameters(std::span<const std::int64_t> seeds,
             const std::vector<std::vector<WeightShape>>& networks, torch::Device device);

  /// The weights of one network.  Shapes: each [T, sizes...]
  std::span<const torch::Tensor> network(std::size_t index) const { return networks_[index]; }

  /// Computes grad(), the gradient of a sum over all trials.  Shapes: total []
  void differentiate(const torch::Tensor& total);

  /// Shapes: [T, P], P the weights of a trial, filled up to whole cache lines
  const torch::Tensor& theta() const { return theta_; }
  const torch::Tensor& grad() const { return grad_; }

 private:
  torch::Tensor theta_;
  torch::Tensor grad_;
  torch::Tensor filling_;                             // zeros, what grad_ has beside the gradients
  std::vector<std::vector<torch::Tensor>> networks_;  // leaf views of theta_
};

}  // namespace trainer
