// The models for tokens against plain ones: one trial, one post after the other, each head and each
// token by the formulas, LibTorch's own modules where there are any. Nothing is shared with the
// code under test but weights and tokens.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/utils.h>

#include "trainer/datasets/batches.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/models/model.hpp"
#include "trainer/models/self_attention.hpp"
#include "trainer/models/transformer.hpp"
#include "trainer/pack_loop.hpp"
#include "trainer/pack_width.hpp"
#include "trainer/registry.hpp"
#include "trainer/step_draws.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using torch::Tensor;

constexpr std::int64_t kVocabulary = 30;
const DataShape kPosts = {.segments = 6, .features = 1, .classes = 3, .vocabulary = kVocabulary};

json embedding() {
  return {{"name", "embedding"}};
}

json transformer(const json& changes = json::object()) {
  json all = {{"name", "transformer"}, {"dropout", 0.1},   {"position", "token"},
              {"mask", "own"},         {"qk_scale", 50.0}, {"eval_dropout", false}};
  all.update(changes);
  return all;
}

/// Five posts of 6, 2, 1, 4 and 6 tokens, and eleven blanks.
Batch make_batch() {
  at::manual_seed(5);
  const auto lengths = torch::tensor({6, 2, 1, 4, 6}, torch::kLong);
  const auto absent = torch::arange(6).unsqueeze(1) >= lengths;  // [m, B]
  const auto tokens = torch::randint(1, kVocabulary, {6, 5}, torch::kLong).masked_fill(absent, 0);
  const std::vector<std::int64_t> blanks = {0, 11};
  return {.segments = torch::constant_pad_nd(tokens, blanks).view({1, 1, 6, 16}),
          .labels = torch::constant_pad_nd(torch::tensor({0, 1, 2, 2, 0}, torch::kLong), blanks),
          .foreground = torch::zeros({6, 16}, torch::kBool),
          .num_inputs = 5,
          .absent = torch::constant_pad_nd(absent, blanks)};
}

Moment moment(bool is_training = false) {
  return {.seeds = torch::tensor({4, 5}, torch::kLong),
          .step = torch::tensor(step_number(/*epoch=*/3, /*batch=*/2)),
          .is_training = is_training};
}

/// The weights of two trials in double precision, biases and all away from zero.
struct PackWeights {
  std::vector<Tensor> focus = {};
  std::vector<Tensor> classifier = {};

  explicit PackWeights(const Model& model) {
    const Parameters parameters(std::vector<std::int64_t>{4, 5},
                                {model.focus.weights, model.classifier.weights}, torch::kCPU);
    for (const auto& weight : parameters.network(0))
      focus.push_back(weight.detach().to(torch::kDouble).requires_grad_());
    for (const auto& weight : parameters.network(1))
      classifier.push_back(weight.detach().to(torch::kDouble).requires_grad_());
  }
  std::vector<Tensor> all() const {
    auto weights = focus;
    weights.insert(weights.end(), classifier.begin(), classifier.end());
    return weights;
  }
};

Pass make_pass(const Model& model, const PackWeights& weights, const Batch& batch,
               const Moment& when) {
  const auto segments = model.encoder->forward(weights.focus, batch, when);
  const auto scores = model.focus.forward(weights.focus, segments.flatten(2));
  return {scores.view({2, batch.segments.size(2), batch.segments.size(3)}),
          segments,
          batch.labels,
          batch.num_inputs,
          [&model, &weights](const Tensor& points) {
            return model.classifier.forward(weights.classifier, points);
          },
          batch.absent};
}

// --- the plain models ---

/// One trial's weights by the names of their layers.
struct PlainWeights {
  std::vector<Tensor> focus = {};
  std::vector<Tensor> classifier = {};

  PlainWeights(const PackWeights& pack, int t) {
    for (const auto& weight : pack.focus)
      focus.push_back(weight[t]);
    for (const auto& weight : pack.classifier)
      classifier.push_back(weight[t]);
  }
};

/// Shapes: x [n, in] -> [n, out]
Tensor two_layers(const std::vector<Tensor>& weights, const Tensor& x) {
  const auto* own = weights.data() + weights.size() - 4;
  return torch::linear(torch::linear(x, own[0], own[1]).clamp_min(0), own[2], own[3]);
}

/// What published faults change.
struct Reading {
  bool counts_posts = false;
  bool tiles_mask = false;
  double scale = 50;
};

/// sin and cos by the formula.  Shapes: -> [100]
Tensor plain_code(std::int64_t position) {
  auto code = torch::empty({100}, torch::kDouble);
  for (int i = 0; i < 50; ++i) {
    const auto angle = static_cast<double>(position) / std::pow(10000, 2 * i / 100.0);
    code[2 * i] = std::sin(angle);
    code[2 * i + 1] = std::cos(angle);
  }
  return code;
}

/// Each query token over the keys it may see.  Shapes: x [m, 100], visible [m] bool -> [m, 50]
Tensor plain_head(const std::vector<Tensor>& w, int head, const Tensor& x, const Tensor& visible,
                  double scale) {
  const auto rows = torch::arange(50) + 50 * head;
  const auto q = torch::linear(x, w[1].index_select(0, rows));
  const auto keys = x.index_select(0, visible.nonzero().flatten());
  const auto k = torch::linear(keys, w[2].index_select(0, rows));
  const auto v = torch::linear(keys, w[3].index_select(0, rows));
  const auto e = (torch::mm(q, k.t()) / std::sqrt(scale)).exp();
  return torch::mm(e / e.sum(1, /*keepdim=*/true), v);
}

/// The segments of post b, absent ones included.  Shapes: -> [m, 100]
Tensor plain_segments(const std::vector<Tensor>& w, const Batch& batch, std::int64_t b,
                      const Reading& reading) {
  const auto tokens = batch.segments[0][0].select(1, b);
  auto vectors = torch::embedding(w[0], tokens, /*padding_idx=*/0);  // [m, 100]
  if (w.size() == 5) return vectors;
  std::vector<Tensor> rows;
  for (std::int64_t j = 0; j < tokens.size(0); ++j)
    rows.push_back(vectors[j] + plain_code(reading.counts_posts ? b : j));
  const auto x = torch::stack(rows);
  std::vector<Tensor> heads;
  for (int head = 0; head < 2; ++head) {
    const auto whose = reading.tiles_mask ? (2 * b + head) % batch.num_inputs : b;
    const auto visible = batch.absent.select(1, whose).logical_not();
    heads.push_back(plain_head(w, head, x, visible, reading.scale));
  }
  return x + torch::linear(torch::cat(heads, 1), w[4], w[5]);
}

/// Cut to the tokens that are there, by the definitions of the losses.
Tensor plain_loss(const std::string& name, const PlainWeights& w, const Batch& batch,
                  const Reading& reading) {
  auto sum = torch::zeros({}, torch::kDouble);
  for (std::int64_t b = 0; b < batch.num_inputs; ++b) {
    const auto length = batch.absent.select(1, b).logical_not().sum().item<std::int64_t>();
    const auto segments = plain_segments(w.focus, batch, b, reading).narrow(0, 0, length);
    const auto a = torch::softmax(two_layers(w.focus, segments).flatten(), 0);  // [m]
    const auto y = batch.labels[b].item<std::int64_t>();
    const auto probability = [&](const Tensor& logits) {
      return torch::softmax(logits, -1).select(-1, y);
    };
    const auto of_segments = two_layers(w.classifier, segments);  // [m, C]
    const auto blend = torch::mv(segments.t(), a).unsqueeze(0);   // [1, 100]
    if (name == "soft") sum = sum - probability(two_layers(w.classifier, blend))[0].log();
    if (name == "hard") sum = sum - (a * probability(of_segments).log()).sum();
    if (name == "lvml") sum = sum - (a * probability(of_segments)).sum().log();
    if (name == "lvml_logits") sum = sum - probability(torch::mv(of_segments.t(), a)).log();
  }
  return sum / static_cast<double>(batch.num_inputs);
}

// --- what they have in common ---

struct Case {
  std::string name;
  json settings;
  Reading reading;
};

std::vector<Case> cases() {
  return {{"embedding", embedding(), {}},
          {"transformer", transformer(), {}},
          {"position_of_the_post", transformer({{"position", "batch"}}), {.counts_posts = true}},
          {"tiled_mask", transformer({{"mask", "tiled"}}), {.tiles_mask = true}},
          {"scale_100", transformer({{"qk_scale", 100.0}}), {.scale = 100}},
          {"as_published",
           transformer({{"position", "batch"}, {"mask", "tiled"}, {"qk_scale", 64.0}}),
           {.counts_posts = true, .tiles_mask = true, .scale = 64}}};
}

double difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

class TextModel : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Models, TextModel, testing::ValuesIn(cases()),
                         [](const auto& each) { return each.param.name; });

TEST_P(TextModel, MakesTheSegmentsOfAPlainModel) {
  const auto model = make_model(GetParam().settings, kPosts);
  const PackWeights weights(model);
  const auto batch = make_batch();

  const auto segments = model.encoder->forward(weights.focus, batch, moment());

  ASSERT_EQ(segments.sizes(), torch::IntArrayRef({2, 100, 6, 16}));
  for (int t = 0; t < 2; ++t) {
    for (std::int64_t b = 0; b < batch.num_inputs; ++b) {
      const auto plain =
          plain_segments(PlainWeights(weights, t).focus, batch, b, GetParam().reading);
      EXPECT_LT(difference(segments[t].select(2, b), plain.t()), 1e-12) << t << " " << b;
    }
  }
}

TEST_P(TextModel, HasLossAndGradientOfAPlainModel) {
  const auto model = make_model(GetParam().settings, kPosts);
  const PackWeights weights(model);
  const auto batch = make_batch();
  for (const std::string name : {"soft", "hard", "lvml", "lvml_logits"}) {
    auto pass = make_pass(model, weights, batch, moment());
    const auto loss = make_loss({{"name", name}, {"epsilon", 0.0}}).value(pass);
    const auto gradients = torch::autograd::grad({loss.sum()}, weights.all());

    const auto plain = torch::stack({plain_loss(name, {weights, 0}, batch, GetParam().reading),
                                     plain_loss(name, {weights, 1}, batch, GetParam().reading)});
    EXPECT_LT(difference(loss, plain), 1e-12) << name;
    const auto expected = torch::autograd::grad({plain.sum()}, weights.all());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      EXPECT_LT(difference(gradients[i], expected[i]), 1e-12) << name << ", weight " << i;
      EXPECT_GT(expected[i].abs().max().item<double>(), 0) << name << ", weight " << i;
    }
  }
}

TEST_P(TextModel, NeverMovesTheVectorThatFillsUpShortPosts) {
  const auto model = make_model(GetParam().settings, kPosts);
  const PackWeights weights(model);
  auto pass = make_pass(model, weights, make_batch(), moment(/*is_training=*/true));
  const auto loss = make_loss({{"name", "soft"}}).value(pass);

  const auto gradient = torch::autograd::grad({loss.sum()}, weights.focus)[0];

  EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  EXPECT_EQ(gradient.select(1, 0).count_nonzero().item<std::int64_t>(), 0);
  EXPECT_EQ(weights.focus[0].select(1, 0).count_nonzero().item<std::int64_t>(), 0);
}

// --- each of them ---

std::int64_t num_weights(const Network& network) {
  std::int64_t total = 0;
  for (const auto& weight : network.weights)
    total += torch::empty(weight.sizes).numel();
  return total;
}

// Expected: by the layers, with the published vocabulary.
TEST(TextModels, HaveAsManyWeightsAsTheirLayersSay) {
  const DataShape published = {.segments = 165, .features = 1, .classes = 3, .vocabulary = 28041};
  const std::int64_t table = 2'804'100;                      // 28041 x 100
  const std::int64_t attention = 3 * 10'000 + 10'000 + 100;  // q, k, v; output with bias
  const std::int64_t classifier = 20'200 + 603;              // 101 x 200, 201 x 3

  const auto simple = make_model(embedding(), published);
  EXPECT_EQ(num_weights(simple.focus), table + 20'200 + 201);
  EXPECT_EQ(num_weights(simple.classifier), classifier);

  const auto attending = make_model(transformer(), published);
  EXPECT_EQ(num_weights(attending.focus), table + attention + 5'050 + 51);
  EXPECT_EQ(num_weights(attending.classifier), classifier);
}

TEST(TextModels, StartAsTorchModulesBuiltFromTheSameSeed) {
  const auto model = make_model(transformer(), kPosts);

  const Parameters parameters(std::vector<std::int64_t>{9, 12},
                              {model.focus.weights, model.classifier.weights}, torch::kCPU);

  torch::manual_seed(12);
  const torch::nn::Embedding table(torch::nn::EmbeddingOptions(kVocabulary, 100).padding_idx(0));
  const auto without_bias = torch::nn::LinearOptions(100, 100).bias(false);
  const torch::nn::Linear q(without_bias);
  const torch::nn::Linear k(without_bias);
  const torch::nn::Linear v(without_bias);
  const torch::nn::Linear output(100, 100);
  const torch::nn::Linear first(100, 50);
  const torch::nn::Linear second(50, 1);
  torch::manual_seed(12);
  const torch::nn::Linear classifier(100, 200);
  const std::vector<Tensor> expected = {table->weight,  q->weight,    k->weight,     v->weight,
                                        output->weight, output->bias, first->weight, first->bias,
                                        second->weight, second->bias};
  const auto focus = parameters.network(0);
  ASSERT_EQ(focus.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(focus[i][1].equal(expected[i])) << "weight " << i;
  EXPECT_TRUE(parameters.network(1)[0][1].equal(classifier->weight));
}

TEST(TextModels, ReadTokensOnlyAndOthersReadNone) {
  const DataShape vectors = {.segments = 4, .features = 6, .classes = 3};
  EXPECT_THROW(make_model(embedding(), vectors), SettingError);
  EXPECT_THROW(make_model(transformer(), vectors), SettingError);
  const json mlp = {{"name", "mlp"}, {"hidden", 8}, {"activation", "relu"}};
  for (const auto& settings : {mlp, json{{"name", "linear"}}, json{{"name", "cnn"}}})
    EXPECT_THROW(make_model(settings, kPosts), SettingError) << settings;
}

// --- whole training ---

/// Inputs `begin` to `end` of a split, as they are.
Batch cut(const Split& split, std::int64_t begin, std::int64_t end) {
  const auto take = [&](const Tensor& tensor) { return tensor.slice(0, begin, end).t(); };
  return {.segments = take(split.members).unsqueeze(0).unsqueeze(0),
          .labels = split.labels.slice(0, begin, end),
          .foreground = take(split.foreground),
          .num_inputs = end - begin,
          .absent = take(split.absent)};
}

constexpr std::int64_t kBatchSize = 25;
constexpr int kEpochs = 3;
constexpr double kRate = 0.05;
constexpr double kMomentum = 0.9;

/// A plain model and what its optimiser remembers.
class PlainTraining {
 public:
  PlainTraining(const Model& model, std::string loss, const Split& split)
      : weights_(model), loss_(std::move(loss)), split_(split), momenta_(weights_.all().size()) {}

  double whole_loss() const { return loss_of(cut(split_, 0, split_.size())).item<double>(); }

  void train_epoch() {
    for (std::int64_t begin = 0; begin < split_.size(); begin += kBatchSize)
      step(cut(split_, begin, std::min(begin + kBatchSize, split_.size())));
  }

 private:
  Tensor loss_of(const Batch& batch) const {
    return plain_loss(loss_, {weights_, /*t=*/1}, batch, Reading());
  }

  void step(const Batch& batch) {
    const auto leaves = weights_.all();
    const auto gradients = torch::autograd::grad({loss_of(batch)}, leaves);
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      auto& momentum = momenta_[i];
      momentum = momentum.defined() ? kMomentum * momentum + gradients[i] : gradients[i].clone();
      leaves[i].sub_(kRate * momentum);
    }
  }

  PackWeights weights_;  // of the seeds 4 and 5
  std::string loss_;
  const Split& split_;
  std::vector<Tensor> momenta_;
};

TEST(TextModels, TrainInAPackAsAPlainModelAlone) {
  const auto data = find_kind(data_set_kinds(), "generated_posts")
                        .load({{"classes", 3},
                               {"vocabulary", kVocabulary},
                               {"longest", 6},
                               {"train_size", 60},
                               {"test_size", 1},
                               {"seed", 0},
                               {"signal", 0.9}});
  for (const auto& settings : {embedding(), transformer({{"dropout", 0.0}})}) {
    for (const std::string loss : {"soft", "lvml"}) {
      const PackTask task = {.phases = {{.epochs = kEpochs,
                                         .loss = make_loss({{"name", loss}, {"epsilon", 0.0}}),
                                         .optimizer = {{"name", "sgd"},
                                                       {"momentum", kMomentum},
                                                       {"weight_decay", 0}}}},
                             .model = make_model(settings, data.shape),
                             .train = Batches(data.train, kBatchSize)};

      const auto packed =
          train_pack(task, {.seeds = {99, 5}, .learning_rates = {0.01, kRate}}, torch::kCPU, {});

      PlainTraining plain(task.model, loss, data.train);
      for (const auto& trials : packed->train.own) {
        EXPECT_NEAR(trials[1].loss, plain.whole_loss(), 1e-4) << settings;
        plain.train_epoch();
      }
      EXPECT_LT(packed->train.own.back()[1].loss,
                0.95 * packed->train.own.front()[1].loss);  // it learns
    }
  }
}

/// Tokens whose gradient is not zero.
std::vector<std::int64_t> moved_tokens(const Tensor& gradient) {
  const auto rows = gradient.abs().sum(-1).nonzero().flatten();
  return {rows.data_ptr<std::int64_t>(), rows.data_ptr<std::int64_t>() + rows.numel()};
}

// What stands where a token is absent must not matter, be it what it may.
TEST(TextModels, LearnNothingFromAbsentTokens) {
  for (const auto& settings : {embedding(), transformer(), transformer({{"position", "batch"}})}) {
    const auto model = make_model(settings, kPosts);
    const PackWeights weights(model);
    auto batch = make_batch();
    const auto& tokens = batch.segments[0][0];
    tokens.copy_(torch::where(tokens == 29, torch::full_like(tokens, 28), tokens));
    tokens.masked_fill_(batch.absent, 29);
    auto pass = make_pass(model, weights, batch, moment());
    const auto loss = make_loss({{"name", "soft"}}).value(pass);

    const auto gradient = torch::autograd::grad({loss.sum()}, weights.focus)[0];

    const auto moved = moved_tokens(gradient[0]);
    EXPECT_GT(moved.size(), 5U);
    EXPECT_EQ(std::ranges::count(moved, 29), 0) << settings;
  }
}

TEST(SelfAttention, IsThatOfTorch) {
  at::manual_seed(1);
  const SelfAttention layer = {.features = 8, .heads = 2, .scale = 4};  // 8 / 2 features of a head
  torch::nn::MultiheadAttention reference(torch::nn::MultiheadAttentionOptions(8, 2).bias(false));
  reference->to(torch::kDouble);
  const auto x = torch::randn({1, 8, 5, 3}, torch::kDouble);  // [T, d, m, B]
  const auto absent =
      torch::arange(5) >= torch::tensor({5, 2, 4}, torch::kLong).unsqueeze(1);  // [B, m]
  std::vector<Tensor> weights;
  for (const auto& weight : reference->in_proj_weight.chunk(3))
    weights.push_back(weight.unsqueeze(0));
  weights.push_back(reference->out_proj->weight.unsqueeze(0));
  weights.push_back(torch::zeros({1, 8}, torch::kDouble));

  const auto seen = layer.forward(weights, x, absent.unsqueeze(0));

  const auto rows = x[0].permute({1, 2, 0});  // [m, B, d]
  const auto expected = std::get<0>(reference->forward(rows, rows, rows, absent));
  EXPECT_LT(difference(seen[0], expected.permute({2, 0, 1})), 1e-12);
}

TEST(Dropout, ScalesWhatItKeepsAndIsOffWhileItMeasures) {
  const auto model = make_model(transformer({{"dropout", 0.25}}), kPosts);
  PackWeights weights(model);
  for (std::size_t i = 1; i < 6; ++i)  // no attention: segments are the vectors after dropout
    weights.focus[i] = torch::zeros_like(weights.focus[i]);
  const auto batch = make_batch();

  const auto measured = model.encoder->forward(weights.focus, batch, moment(false));
  const auto trained = model.encoder->forward(weights.focus, batch, moment(true));

  const auto is_kept = trained != 0;
  const auto can_be_seen = measured != 0;
  EXPECT_LT(difference(trained.masked_select(is_kept), measured.masked_select(is_kept) / 0.75),
            1e-12);
  const auto kept = is_kept.masked_select(can_be_seen).to(torch::kDouble);
  ASSERT_GT(kept.numel(), 15000);  // give or take 5 standard deviations
  EXPECT_NEAR(kept.mean().item<double>(), 0.75, 5 * std::sqrt(0.75 * 0.25 / 15000));
}

TEST(Dropout, IsDrawnAnewForEachStepAndOnRequestWhileItMeasures) {
  const auto model = make_model(transformer({{"eval_dropout", true}}), kPosts);
  const PackWeights weights(model);
  const auto batch = make_batch();
  const auto segments = [&](const Moment& when) {
    return model.encoder->forward(weights.focus, batch, when);
  };
  auto next = moment(true);
  next.step = next.step + 1;

  const auto trained = segments(moment(true));

  EXPECT_TRUE(trained.equal(segments(moment(true))));
  EXPECT_FALSE(trained.equal(segments(next)));
  EXPECT_FALSE(trained.equal(segments(moment(false))));
  EXPECT_FALSE(segments(moment(false))
                   .equal(make_model(transformer(), kPosts)
                              .encoder->forward(weights.focus, batch, moment(false))));
}

// A trial keeps 100 features and 200 hidden units of two networks for each of 256 x 165 tokens at
// the least; attention keeps scores of 165 x 165 tokens for two heads besides.
TEST(TextModels, CostWhatTheirVectorsAndPairsTake) {
  const DataSummary data = {
      .shape = {.segments = 165, .features = 1, .classes = 3, .vocabulary = 28041}};
  const auto cost_of = [&](const json& settings) {
    return estimate_cost(make_model(settings, data.shape), data, Classified::segments, 256);
  };
  const double tokens = 256 * 165;

  const auto simple = cost_of(embedding());
  const auto attending = cost_of(transformer());

  EXPECT_GT(simple.activation_bytes, 4 * tokens * (100 + 200 + 200));
  EXPECT_GT(attending.activation_bytes, 4 * tokens * (500 + 2 * 165));
  EXPECT_GT(simple.trial_bytes - 2 * simple.activation_bytes, 3 * 4 * 2'804'100.0);
}

}  // namespace
}  // namespace trainer
