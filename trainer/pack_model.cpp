#include "trainer/pack_model.hpp"

#include <algorithm>

#include "trainer/fixed_scores.hpp"

namespace trainer {
namespace {

constexpr double kMoreWeight = 0.01;  // of the pull

/// Float32 comes out, whatever the network rounds to.
/// Shapes: points [T or 1, d, N] -> [T, out, N]
torch::Tensor apply(const Network& network, std::span<const torch::Tensor> weights,
                    const torch::Tensor& points, Precision precision) {
  const AutocastGuard autocast(precision, points.device().type());
  return network.forward(weights, as_factors(points, precision)).to(torch::kFloat);
}

}  // namespace

PackModel::PackModel(const Model& model, std::span<const std::int64_t> seeds, torch::Device device)
    : model_(model), parameters_(seeds, {model.focus.weights, model.classifier.weights}, device) {}

Pass PackModel::forward(const Batch& batch, const Moment& moment) const {
  const auto segments = encode(batch, moment);
  const auto classify_points = [this](const torch::Tensor& points) { return classify(points); };
  return {score(segments, batch), segments,        batch.labels,
          batch.num_inputs,       classify_points, batch.absent};
}

BatchLosses PackModel::losses_of(Pass& pass, const Loss& loss, const Batch& batch) const {
  const auto value = loss.value(pass);
  if (!model_.fixed_focus) return {value};
  const auto more = std::min(*model_.fixed_focus + kMoreWeight, 1.);
  auto other = pass.with_scores(fixed_scores(more, batch.foreground).expand_as(pass.scores()));
  return {.loss = value, .pull = value - loss.value(other)};
}

/// Shapes: -> [T or 1, d, m, B]
torch::Tensor PackModel::encode(const Batch& batch, const Moment& moment) const {
  const auto& encoder = model_.encoder;
  if (!encoder) return batch.segments;
  const AutocastGuard autocast(model_.precision, batch.segments.device().type());
  return encoder->forward(parameters_.network(0), batch, moment).to(torch::kFloat);
}

/// Shapes: segments [T or 1, d, m, B] -> [T, m, B]
torch::Tensor PackModel::score(const torch::Tensor& segments, const Batch& batch) const {
  if (model_.fixed_focus) {
    return fixed_scores(*model_.fixed_focus, batch.foreground).expand({num_trials(), -1, -1});
  }
  return apply(model_.focus, parameters_.network(0), segments.flatten(2), model_.precision)
      .view({num_trials(), segments.size(2), segments.size(3)});
}

/// Shapes: points [T or 1, d, N] -> [T, C, N]
torch::Tensor PackModel::classify(const torch::Tensor& points) const {
  return apply(model_.classifier, parameters_.network(1), points, model_.precision);
}

}  // namespace trainer
