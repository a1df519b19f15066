#include "trainer/models/embedding.hpp"

#include "trainer/datasets/batches.hpp"
#include "trainer/models/perceptron.hpp"
#include "trainer/models/token_table.hpp"

namespace trainer {
namespace {

using Weights = std::span<const torch::Tensor>;

constexpr std::int64_t kFeatures = 100;
constexpr std::int64_t kPerceptronHidden = 200;

Model make_embedding(const nlohmann::json& /*settings*/, const DataShape& shape) {
  auto focus = perceptron(kFeatures, kPerceptronHidden, 1);
  focus.weights.insert(focus.weights.begin(), token_table(shape.vocabulary, kFeatures));
  const auto forward = [](Weights weights, const Batch& batch, const Moment&) {
    return look_up(weights[0], batch.segments[0][0]);
  };
  return {.focus = focus,
          .classifier = perceptron(kFeatures, kPerceptronHidden, shape.classes),
          .encoder =
              Encoder{.forward = forward, .features = kFeatures, .floats_per_segment = kFeatures}};
}

}  // namespace

ModelKind embedding_kind() {
  return {.choice = {.name = "embedding",
                     .help = "tokens as 100 features, focus 100-200-1, classifier 100-200-C"},
          .make = make_embedding,
          .reads_tokens = true};
}

}  // namespace trainer
