// The whole training loop against a plain one: rows of samples, LibTorch's own modules, losses and
// optimisers, one trial, nothing shared with the code under test but the data's indices.

#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>
#include <torch/utils.h>

#include "tests/temporary_folder.hpp"
#include "tests/trainer/idx_writer.hpp"
#include "trainer/pack_loop.hpp"
#include "trainer/registry.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using torch::Tensor;
namespace F = torch::nn::functional;

constexpr std::int64_t kSeed = 3;
constexpr double kRate = 0.05;
constexpr int kEpochs = 4;
constexpr std::int64_t kBatchSize = 20;

DataSet make_data() {
  const TemporaryFolder folder;
  write_image_folder(folder.path(), 60, /*size=*/6, /*num_classes=*/6);
  return find_kind(data_set_kinds(), "mosaic")
      .load({{"root", folder.path().string()},
             {"segments", 4},
             {"foreground", {0, 1, 2}},
             {"train_size", 90},
             {"test_size", 10}});
}

/// The networks as a newcomer would write them, each built right after seeding.
struct PlainModel {
  torch::nn::Sequential focus;
  torch::nn::Sequential classifier;

  PlainModel() {
    torch::manual_seed(kSeed);
    focus->push_back(torch::nn::Linear(36, 16));
    focus->push_back(torch::nn::ReLU());
    focus->push_back(torch::nn::Linear(torch::nn::LinearOptions(16, 1).bias(false)));
    torch::manual_seed(kSeed);
    classifier->push_back(torch::nn::Linear(36, 16));
    classifier->push_back(torch::nn::ReLU());
    classifier->push_back(torch::nn::Linear(16, 3));
  }

  /// Shapes: x [B, m, d], y [B] -> []
  Tensor loss(const std::string& name, const Tensor& x, const Tensor& y) {
    const auto a = torch::softmax(focus->forward(x).squeeze(-1), 1);  // [B, m]
    if (name == "soft") {
      const auto blend = (a.unsqueeze(-1) * x).sum(1);
      return F::cross_entropy(classifier->forward(blend), y);
    }
    if (name == "lvml_logits") {
      return F::cross_entropy((a.unsqueeze(-1) * classifier->forward(x)).sum(1), y);
    }
    const auto p = torch::softmax(classifier->forward(x), -1);                        // [B, m, C]
    const auto p_y = p.gather(2, y.view({-1, 1, 1}).expand({-1, 4, 1})).squeeze(-1);  // [B, m]
    if (name == "hard") return -(a * p_y.log()).sum(1).mean();
    return -(a * p_y).sum(1).log().mean();  // lvml, which lvml_em shows as well
  }

  std::vector<Tensor> parameters() const {
    auto all = focus->parameters();
    const auto more = classifier->parameters();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

std::unique_ptr<torch::optim::Optimizer> plain_optimizer(const std::string& name,
                                                         const PlainModel& model) {
  if (name == "adam") {
    return std::make_unique<torch::optim::Adam>(model.parameters(),
                                                torch::optim::AdamOptions(kRate / 10));
  }
  return std::make_unique<torch::optim::SGD>(model.parameters(),
                                             torch::optim::SGDOptions(kRate).momentum(0.9));
}

/// Training loss before training and after each epoch.
std::vector<double> train_plainly(const Split& split, const std::string& loss,
                                  const std::string& optimizer_name) {
  const auto x = split.points.index_select(0, split.members.flatten())
                     .to(torch::kFloat)
                     .mul(2 / 255.0)
                     .sub(1)
                     .view({split.size(), -1, split.points.size(1)});  // [N, m, d]
  PlainModel model;
  const auto optimizer = plain_optimizer(optimizer_name, model);
  std::vector<double> curve = {model.loss(loss, x, split.labels).item<double>()};
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    for (std::int64_t begin = 0; begin < split.size(); begin += kBatchSize) {
      const auto end = std::min(begin + kBatchSize, split.size());
      optimizer->zero_grad();
      model.loss(loss, x.slice(0, begin, end), split.labels.slice(0, begin, end)).backward();
      optimizer->step();
    }
    curve.push_back(model.loss(loss, x, split.labels).item<double>());
  }
  return curve;
}

json optimizer_settings(const std::string& name) {
  if (name == "sgd") return {{"name", "sgd"}, {"momentum", 0.9}, {"weight_decay", 0.0}};
  return {
      {"name", "adam"}, {"beta1", 0.9}, {"beta2", 0.999}, {"epsilon", 1e-8}, {"weight_decay", 0.0}};
}

Curve train_packed(const DataSet& data, const std::string& loss, const std::string& optimizer) {
  const PackTask task = {
      .phases = {{.epochs = kEpochs,
                  .loss = find_kind(losses(), loss),
                  .optimizer = optimizer_settings(optimizer)}},
      .model = make_model({{"name", "mlp"}, {"hidden", 16}, {"activation", "relu"}}, data.shape),
      .train = Batches(data.train, kBatchSize)};
  const double rate = optimizer == "adam" ? kRate / 10 : kRate;
  const PackTrials trials = {.seeds = {99, kSeed}, .learning_rates = {0.01, rate}};
  return train_pack(task, trials, torch::kCPU, {}).value().train.own;
}

class PlainTraining : public testing::TestWithParam<std::tuple<const char*, const char*>> {};
INSTANTIATE_TEST_SUITE_P(LossesAndOptimizers, PlainTraining,
                         testing::Combine(testing::Values("soft", "hard", "lvml", "lvml_em",
                                                          "lvml_logits"),
                                          testing::Values("sgd", "adam")));

TEST_P(PlainTraining, GivesTheCurveThatATrialHasInAPack) {
  const auto [loss, optimizer] = GetParam();
  const auto data = make_data();

  const auto packed = train_packed(data, loss, optimizer);

  const auto plain = train_plainly(data.train, loss, optimizer);
  ASSERT_EQ(packed.size(), plain.size());
  EXPECT_LT(plain.back(), 0.9 * plain.front());  // it learns, so that there is something to compare
  for (std::size_t epoch = 0; epoch < plain.size(); ++epoch) {
    EXPECT_NEAR(packed[epoch][1].loss, plain[epoch], 1e-4) << "epoch " << epoch;
  }
}

}  // namespace
}  // namespace trainer
