#include "trainer/models/linear.hpp"

#include "trainer/models/dense.hpp"

namespace trainer {
namespace {

using Weights = std::span<const torch::Tensor>;

Model make_linear(const nlohmann::json& /*settings*/, const DataShape& shape) {
  return {
      .focus = {.weights = dense_weights(shape.features, 1),
                .forward = [](Weights weights,
                              const torch::Tensor& points) { return dense(weights[0], points); }},
      .classifier = {.weights = dense_weights_and_bias(shape.features, shape.classes),
                     .forward = [](Weights weights, const torch::Tensor& points) {
                       return dense(weights[0], weights[1], points);
                     }}};
}

}  // namespace

ModelKind linear_kind() {
  return {.choice = {.name = "linear", .help = "focus d-1, classifier d-C"}, .make = make_linear};
}

}  // namespace trainer
