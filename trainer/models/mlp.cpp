#include "trainer/models/mlp.hpp"

#include "trainer/models/dense.hpp"

namespace trainer {
namespace {

using Weights = std::span<const torch::Tensor>;
Activation find_activation(const std::string& name) {
  return name == "tanh" ? Activation::tanh : Activation::relu;
}

std::vector<WeightShape> join(std::vector<WeightShape> first,
                              const std::vector<WeightShape>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Model make_mlp(const nlohmann::json& settings, const DataShape& shape) {
  const auto hidden = settings.at("hidden").get<std::int64_t>();
  const auto activation = find_activation(settings.at("activation").get<std::string>());
  const auto first_layer = dense_weights_and_bias(shape.features, hidden);
  const auto hidden_units = [activation](Weights weights, const torch::Tensor& points) {
    return dense(weights[0], weights[1], points, activation);  // [T, hidden, N]
  };
  return {
      .focus = {.weights = join(first_layer, dense_weights(hidden, 1)),
                .forward =
                    [hidden_units](Weights weights, const torch::Tensor& points) {
                      return dense(weights[2], hidden_units(weights, points));
                    },
                .floats_per_point = hidden},
      .classifier = {.weights = join(first_layer, dense_weights_and_bias(hidden, shape.classes)),
                     .forward =
                         [hidden_units](Weights weights, const torch::Tensor& points) {
                           return dense(weights[2], weights[3], hidden_units(weights, points));
                         },
                     .floats_per_point = hidden}};
}

}  // namespace

ModelKind mlp_kind() {
  return {.choice = {.name = "mlp",
                     .help = "focus d-hidden-1, classifier d-hidden-C",
                     .settings = {whole_number("hidden", 64, 2, "hidden units of each network"),
                                  {.key = "activation",
                                   .declaration = {.type = "string",
                                                   .default_value = "relu",
                                                   .values = {"relu", "tanh"},
                                                   .help = "of the hidden units"}}}},
          .make = make_mlp};
}

}  // namespace trainer
