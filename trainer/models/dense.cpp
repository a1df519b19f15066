#include "trainer/models/dense.hpp"

namespace trainer {
namespace {

constexpr std::int64_t kVectorBytes = 16;  // how a GPU's fast products want rows aligned

/// Rows that bring the points to whole vectors of features, at least one.
std::int64_t num_rows_to_add(const torch::Tensor& points) {
  const auto vector = kVectorBytes / static_cast<std::int64_t>(points.element_size());
  return vector - points.size(1) % vector;
}

/// Whether the result is larger than the points, which are copied to get their ones. Not on a CPU:
/// there a trial is to be rounded alike in any pack.
bool pays_to_add_ones(const torch::Tensor& weight, const torch::Tensor& points) {
  return !points.is_cpu() && points.size(0) == 1 &&
         weight.size(0) * weight.size(1) > points.size(1);
}

}  // namespace

torch::Tensor dense(const torch::Tensor& weight, const torch::Tensor& points) {
  return torch::bmm(weight, points.expand({weight.size(0), -1, -1}));
}

torch::Tensor dense(const torch::Tensor& weight, const torch::Tensor& bias,
                    const torch::Tensor& points) {
  if (pays_to_add_ones(weight, points)) return dense_of_shared(weight, bias, points);
  return torch::baddbmm(bias.unsqueeze(-1), weight, points.expand({weight.size(0), -1, -1}));
}

torch::Tensor dense_of_shared(const torch::Tensor& weight, const torch::Tensor& bias,
                              const torch::Tensor& points) {
  const auto num_added = num_rows_to_add(points);
  const auto ones = torch::ones({1, num_added, points.size(2)}, points.options());
  const auto zeros =  // for all ones but those of the bias
      torch::zeros({weight.size(0), weight.size(1), num_added - 1}, weight.options());
  return dense(torch::cat({weight, bias.unsqueeze(-1), zeros}, /*dim=*/2),
               torch::cat({points, ones}, /*dim=*/1));
}

std::vector<WeightShape> dense_weights(std::int64_t in, std::int64_t out) {
  return {{.sizes = {out, in}, .fan_in = in}};
}

std::vector<WeightShape> dense_weights_and_bias(std::int64_t in, std::int64_t out) {
  return {{.sizes = {out, in}, .fan_in = in}, {.sizes = {out}, .fan_in = in}};
}

}  // namespace trainer
