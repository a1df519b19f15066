#include "trainer/models/mlp.hpp"

#include "trainer/models/perceptron.hpp"

namespace trainer {
namespace {

Model make_mlp(const nlohmann::json& settings, const DataShape& shape) {
  const auto hidden = settings.at("hidden").get<std::int64_t>();
  const auto activation = settings.at("activation") == "tanh" ? Activation::tanh : Activation::relu;
  return {
      .focus =
          perceptron(shape.features, hidden, 1, {.activation = activation, .has_out_bias = false}),
      .classifier = perceptron(shape.features, hidden, shape.classes, {.activation = activation})};
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
