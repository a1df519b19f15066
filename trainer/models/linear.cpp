#include "trainer/models/linear.hpp"

#include <utility>

#include "trainer/models/dense.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using Weights = std::span<const torch::Tensor>;

torch::Tensor apply_linear(Weights weights, const torch::Tensor& points) {
  return weights.size() == 1 ? dense(weights[0], points) : dense(weights[0], weights[1], points);
}

Network make_network(std::vector<WeightShape> weights, Start start) {
  for (auto& weight : weights)
    weight.start = start;
  return {.weights = std::move(weights), .forward = apply_linear};
}

Model make_linear(const json& settings, const DataShape& shape) {
  const auto start = settings.at("start") == "zero" ? Start::zero : Start::uniform;
  const auto classifier = settings.at("bias") == true
                              ? dense_weights_and_bias(shape.features, shape.classes)
                              : dense_weights(shape.features, shape.classes);
  return {.focus = make_network(dense_weights(shape.features, 1), start),
          .classifier = make_network(classifier, start)};
}

}  // namespace

ModelKind linear_kind() {
  const Setting bias = {
      .key = "bias",
      .declaration = {.type = "bool", .default_value = true, .help = "of the classifier"}};
  const auto start = one_of("start", "uniform", {"uniform", "zero"},
                            "of the weights: drawn as in a torch layer, or 0");
  return {
      .choice = {.name = "linear", .help = "focus d-1, classifier d-C", .settings = {bias, start}},
      .make = make_linear};
}

}  // namespace trainer
