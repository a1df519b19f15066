#include "trainer/models/transformer.hpp"

#include <cmath>

#include "trainer/datasets/batches.hpp"
#include "trainer/models/perceptron.hpp"
#include "trainer/models/self_attention.hpp"
#include "trainer/models/token_table.hpp"
#include "trainer/step_draws.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using torch::Tensor;
using Weights = std::span<const Tensor>;

constexpr std::int64_t kTokenFeatures = 100;
constexpr std::int64_t kHeads = 2;
constexpr std::int64_t kFocusHidden = 50;
constexpr std::int64_t kClassifierHidden = 200;

/// What is done to the vectors of tokens.
struct Options {
  double dropout = 0.1;
  bool has_eval_dropout = false;
  bool counts_positions_in_batch = false;
  bool tiles_mask = false;
  SelfAttention attention = {};
};

Options read_options(const json& settings) {
  return {
      .dropout = settings.at("dropout"),
      .has_eval_dropout = settings.at("eval_dropout"),
      .counts_positions_in_batch = settings.at("position") == "batch",
      .tiles_mask = settings.at("mask") == "tiled",
      .attention = {.features = kTokenFeatures, .heads = kHeads, .scale = settings.at("qk_scale")}};
}

/// Shapes: x [T, d, m, B] -> [1, d, m or 1, 1 or B]
Tensor code_of_positions(const Options& options, const Tensor& x) {
  if (options.counts_positions_in_batch) {
    return position_code(x.size(3), x.options()).unsqueeze(1).unsqueeze(0);
  }
  return position_code(x.size(2), x.options()).unsqueeze(2).unsqueeze(0);
}

/// Shapes: x [T, ...] -> [T, ...]
Tensor drop(const Tensor& x, double share, const Moment& moment) {
  const auto uniform =
      draw_uniform(moment, Purpose::dropout, x[0].numel(), x.scalar_type()).view_as(x);
  return x * (uniform >= share).to(x.scalar_type()).mul_(1 / (1 - share));
}

/// What is hidden from the heads.  Shapes: -> [1 or heads, B, m] bool, undefined if nothing is
Tensor hidden_segments(const Options& options, const Batch& batch) {
  if (!batch.absent.defined()) return {};
  const auto absent = batch.absent.t();  // [B, m]
  if (!options.tiles_mask) return absent.unsqueeze(0);
  const auto B = absent.size(0);
  const auto index_options = torch::TensorOptions(torch::kLong).device(absent.device());
  const auto heads = torch::arange(kHeads, index_options).unsqueeze(1);  // [heads, 1]
  const auto rows = (torch::arange(B, index_options) * kHeads + heads) % batch.num_inputs;
  return absent.index_select(/*dim=*/0, rows.flatten()).unflatten(0, {kHeads, B});
}

Tensor encode(const Options& options, Weights weights, const Batch& batch, const Moment& moment) {
  const auto vectors = look_up(weights[0], batch.segments[0][0]);  // [T, d, m, B]
  auto x = vectors + code_of_positions(options, vectors);
  const bool drops = moment.is_training || options.has_eval_dropout;
  if (drops && options.dropout > 0) x = drop(x, options.dropout, moment);
  return x + options.attention.forward(weights.subspan(1), x, hidden_segments(options, batch));
}

Model make_transformer(const json& settings, const DataShape& shape) {
  const auto options = read_options(settings);
  auto focus = perceptron(kTokenFeatures, kFocusHidden, 1);
  auto encoder_weights = options.attention.weights();
  encoder_weights.insert(encoder_weights.begin(), token_table(shape.vocabulary, kTokenFeatures));
  focus.weights.insert(focus.weights.begin(), encoder_weights.begin(), encoder_weights.end());
  const auto forward = [options](Weights weights, const Batch& batch, const Moment& moment) {
    return encode(options, weights, batch, moment);
  };
  return {.focus = focus,
          .classifier = perceptron(kTokenFeatures, kClassifierHidden, shape.classes),
          .encoder = Encoder{.forward = forward,
                             .features = kTokenFeatures,
                             .floats_per_segment = 12 * kTokenFeatures,
                             .floats_per_pair = 3 * kHeads}};
}

}  // namespace

Tensor position_code(std::int64_t count, torch::TensorOptions options) {
  const auto exact = options.dtype(torch::kDouble).requires_grad(false);
  const auto exponents = torch::arange(0, kTokenFeatures, 2, exact) / kTokenFeatures;  // [50]
  const auto frequencies = torch::exp(exponents * -std::log(10000.0));                 // [50]
  const auto angles = frequencies.unsqueeze(1) * torch::arange(count, exact);  // [50, count]
  return torch::stack({angles.sin(), angles.cos()}, /*dim=*/1).flatten(0, 1).to(options);
}

ModelKind transformer_kind() {
  const Setting dropout = {.key = "dropout",
                           .declaration = {.type = "float",
                                           .default_value = 0.1,
                                           .min = 0.0,
                                           .max = 0.99,
                                           .help = "share of the features that a step drops"}};
  const Setting qk_scale = {
      .key = "qk_scale",
      .declaration = {.type = "float",
                      .default_value = 50.0,
                      .min = 1.0,
                      .help = "scores are q k / sqrt(qk_scale); published: 100, for lvml 64"}};
  const Setting eval_dropout = {
      .key = "eval_dropout",
      .declaration = {.type = "bool", .default_value = false, .help = "published: true"}};
  return {.choice = {.name = "transformer",
                     .help = "tokens as 100 features that attend to each other, focus 100-50-1, "
                             "classifier 100-200-C",
                     .settings = {dropout,
                                  one_of("position", "token", {"token", "batch"},
                                         "that is coded; published: batch, the input's own in "
                                         "its batch"),
                                  one_of("mask", "own", {"own", "tiled"},
                                         "of absent tokens; published: tiled, that of other "
                                         "inputs of the batch"),
                                  qk_scale, eval_dropout}},
          .make = make_transformer,
          .reads_tokens = true};
}

}  // namespace trainer
