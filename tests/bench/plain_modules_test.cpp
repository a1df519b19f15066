#include "tests/bench/plain_modules.hpp"

#include <gtest/gtest.h>

#include "trainer/pack_model.hpp"

namespace bench {
namespace {

using nlohmann::json;
using torch::Tensor;
using trainer::DataShape;

constexpr std::int64_t kInputs = 16;
constexpr std::int64_t kImageSize = 32;

/// Copies a trial's weights into modules. Where the modules have one more, the bias of the scores,
/// the loss does not depend on it.
void copy_weights(std::span<const Tensor> weights, torch::nn::Sequential& modules) {
  const torch::NoGradGuard no_grad;
  const auto parameters = modules->parameters();
  for (std::size_t i = 0; i < weights.size(); ++i)
    parameters.at(i).copy_(weights[i][0]);
}

/// So that programs are compared that compute the same.
void expect_loss_of_a_pack(const json& model_settings, const DataShape& shape, AttentionModel plain,
                           const std::string& loss) {
  const auto model = trainer::make_model(model_settings, shape);
  const std::vector<std::int64_t> seeds = {7};
  trainer::PackModel pack(model, seeds, torch::kCPU);
  copy_weights(pack.parameters().network(0), plain.focus);
  copy_weights(pack.parameters().network(1), plain.classifier);
  const auto segments = torch::randn({1, shape.features, shape.segments, kInputs});
  const auto labels = torch::randint(shape.classes, {kInputs}, torch::kLong);
  const trainer::Batch batch = {.segments = segments,
                                .labels = labels,
                                .foreground = torch::zeros({shape.segments, kInputs}, torch::kBool),
                                .num_inputs = kInputs};
  auto mosaics = segments[0].permute({2, 1, 0}).contiguous();  // [B, m, d]
  if (shape.image) mosaics = mosaics.view({kInputs, shape.segments, 3, kImageSize, kImageSize});

  const auto step_number = torch::zeros({}, torch::kLong);
  auto pass = pack.forward(batch, {.seeds = torch::zeros({1}, torch::kLong), .step = step_number});
  const auto of_pack = trainer::make_loss({{"name", loss}, {"epsilon", 0.0}}).value(pass);
  const auto of_modules = mean_loss(loss, forward(plain, loss, mosaics), labels);

  EXPECT_NEAR(of_modules.item<double>(), of_pack.item<double>(), 1e-5) << model_settings << loss;
}

TEST(PlainModules, HaveTheLossOfAPackWithTheirWeights) {
  const DataShape numbers = {.segments = 4, .features = 6, .classes = 5};
  const DataShape images = {.segments = 2,
                            .features = 3 * kImageSize * kImageSize,
                            .classes = 3,
                            .image = trainer::ImageShape{3, kImageSize, kImageSize}};
  for (const std::string loss : {"soft", "hard", "lvml"}) {
    expect_loss_of_a_pack({{"name", "linear"}, {"bias", true}, {"start", "uniform"}}, numbers,
                          make_linear(6, 5), loss);
    expect_loss_of_a_pack({{"name", "mlp"}, {"hidden", 7}, {"activation", "tanh"}}, numbers,
                          make_mlp(6, /*hidden=*/7, 5), loss);
    expect_loss_of_a_pack({{"name", "cifar10_cnn"}}, images, make_cnn(/*classes=*/3), loss);
  }
}

}  // namespace
}  // namespace bench
