#include "trainer/models/dense.hpp"

namespace trainer {

torch::Tensor dense(const torch::Tensor& weight, const torch::Tensor& points) {
  return torch::bmm(weight, points.expand({weight.size(0), -1, -1}));
}

torch::Tensor dense(const torch::Tensor& weight, const torch::Tensor& bias,
                    const torch::Tensor& points) {
  return torch::baddbmm(bias.unsqueeze(-1), weight, points.expand({weight.size(0), -1, -1}));
}

std::vector<WeightShape> dense_weights(std::int64_t in, std::int64_t out) {
  return {{.sizes = {out, in}, .fan_in = in}};
}

std::vector<WeightShape> dense_weights_and_bias(std::int64_t in, std::int64_t out) {
  return {{.sizes = {out, in}, .fan_in = in}, {.sizes = {out}, .fan_in = in}};
}

}  // namespace trainer
