#include "trainer/models/nonlinear_focus.hpp"

#include "trainer/models/dense.hpp"

namespace trainer {
namespace {

using Weights = std::span<const torch::Tensor>;

Model make_nonlinear_focus(const nlohmann::json& settings, const DataShape& shape) {
  const auto hidden = settings.at("hidden").get<std::int64_t>();
  auto focus_weights = dense_weights(shape.features, hidden);
  focus_weights.push_back(dense_weights(hidden, 1).front());
  return {.focus = {.weights = focus_weights,
                    .forward =
                        [](Weights weights, const torch::Tensor& points) {
                          return dense(weights[1], dense(weights[0], points).relu_());
                        },
                    .floats_per_point = hidden},
          .classifier = {.weights = dense_weights_and_bias(shape.features, shape.classes),
                         .forward = [](Weights weights, const torch::Tensor& points) {
                           return dense(weights[0], weights[1], points);
                         }}};
}

}  // namespace

ModelKind nonlinear_focus_kind() {
  return {
      .choice = {.name = "nonlinear_focus",
                 .help = "focus d-hidden-1 without biases, classifier d-C",
                 .settings = {whole_number("hidden", 50, 2, "hidden units of the focus network")}},
      .make = make_nonlinear_focus};
}

}  // namespace trainer
