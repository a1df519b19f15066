#include "trainer/pack_width.hpp"

#include <algorithm>
#include <cmath>

#include "trainer/device.hpp"

namespace trainer {
namespace {

constexpr double kFloatBytes = 4;
constexpr double kCpuActivationBytes = 8e6;
constexpr double kMaxCpuWidth = 8;
constexpr double kMaxCudaWidth = 1024;
constexpr double kCopiesOfWeights = 4;  // values, gradients, at most two of optimiser state

double num_weights(const Network& network) {
  double total = 0;
  for (const auto& weight : network.weights)
    total += static_cast<double>(c10::multiply_integers(weight.sizes));
  return total;
}

/// Of one point. The first weights of an encoder are a table, in which points are looked up.
double multiply_adds_of(const Network& network, bool has_table) {
  if (network.multiply_adds > 0) return static_cast<double>(network.multiply_adds);
  const auto table = has_table ? c10::multiply_integers(network.weights.front().sizes) : 0;
  return num_weights(network) - static_cast<double>(table);
}

/// Of one input.
double multiply_adds_of(const Model& model, const DataShape& shape, Classified classified) {
  const auto m = static_cast<double>(shape.segments);
  const double num_classified = classified == Classified::blend ? 1 : m;
  return m * multiply_adds_of(model.focus, model.encoder.has_value()) +
         num_classified * multiply_adds_of(model.classifier, /*has_table=*/false);
}

/// With those of its pairs with the segments of its input.
double floats_per_segment(const Encoder& encoder, std::int64_t num_segments) {
  return static_cast<double>(encoder.floats_per_segment + num_segments * encoder.floats_per_pair);
}

/// Floats that one trial keeps for the backward pass of one batch.
double num_activations(const Model& model, const DataShape& shape, Classified classified,
                       double batch_size) {
  const auto num_segments = batch_size * static_cast<double>(shape.segments);
  const auto num_classified = classified == Classified::blend ? batch_size : num_segments;
  const auto features = model.encoder ? model.encoder->features : shape.features;
  const auto num_blended =
      classified == Classified::blend ? num_segments * static_cast<double>(features) : 0;
  const auto num_encoded =
      model.encoder ? num_segments * floats_per_segment(*model.encoder, shape.segments) : 0;
  return num_segments * static_cast<double>(1 + model.focus.floats_per_point) +
         num_classified * static_cast<double>(shape.classes + model.classifier.floats_per_point) +
         num_blended + num_encoded;
}

int widest(double available_bytes, double trial_bytes, double limit) {
  return static_cast<int>(std::clamp(std::floor(available_bytes / trial_bytes), 1.0, limit));
}

}  // namespace

PackCost estimate_cost(const Model& model, const DataSummary& data, Classified classified,
                       std::int64_t batch_size) {
  const auto activation_bytes =
      kFloatBytes * num_activations(model, data.shape, classified, static_cast<double>(batch_size));
  const auto num_trained = num_weights(model.focus) + num_weights(model.classifier);
  const auto weight_bytes = kFloatBytes * kCopiesOfWeights * num_trained;
  return {.shared_bytes = data.size_bytes,
          .trial_bytes = weight_bytes + 2 * activation_bytes,  // with their gradients
          .activation_bytes = activation_bytes,
          .gains_from_packs_on_cpu = model.gains_from_packs_on_cpu,
          .num_weights = num_trained,
          .multiply_adds = multiply_adds_of(model, data.shape, classified)};
}

double estimate_trial_s(const PackCost& cost, double train_size, double epochs) {
  constexpr double kPasses = 4;  // forward, backward twice, and measured
  constexpr double kMultiplyAddsPerSecond = 5e9;
  return kPasses * cost.multiply_adds * train_size * epochs / kMultiplyAddsPerSecond;
}

int choose_pack_width(const PackCost& cost, const std::string& device) {
  if (device != "cpu") {
    return widest(total_memory_bytes(device) / 2 - cost.shared_bytes, cost.trial_bytes,
                  kMaxCudaWidth);
  }
  if (!cost.gains_from_packs_on_cpu) return 1;
  return widest(kCpuActivationBytes, cost.activation_bytes, kMaxCpuWidth);
}

}  // namespace trainer
