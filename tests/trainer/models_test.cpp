
#include <gtest/gtest.h>

#include "trainer/models/model.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using torch::Tensor;

const DataShape kGrey = {
    .segments = 5, .features = 784, .classes = 3, .image = ImageShape{1, 28, 28}};
const DataShape kColour = {
    .segments = 5, .features = 3072, .classes = 10, .image = ImageShape{3, 32, 32}};
const DataShape kVectors = {.segments = 4, .features = 6, .classes = 3};

std::int64_t num_weights(const Network& network) {
  std::int64_t total = 0;
  for (const auto& weight : network.weights) {
    total += torch::empty(weight.sizes).numel();
  }
  return total;
}

json mlp(int hidden, const std::string& activation = "relu") {
  return {{"name", "mlp"}, {"hidden", hidden}, {"activation", activation}};
}

Parameters make_parameters(const Model& model) {
  return {std::vector<std::int64_t>{4, 5},
          {model.focus.weights, model.classifier.weights},
          torch::kCPU};
}

void expect_close(const Tensor& value, const Tensor& expected) {
  ASSERT_EQ(value.sizes(), expected.sizes());
  EXPECT_TRUE(torch::allclose(value, expected, /*rtol=*/1e-5, /*atol=*/1e-6));
}

TEST(Models, HaveAsManyWeightsAsTheirLayersSay) {
  const auto linear = make_model({{"name", "linear"}}, kGrey);
  EXPECT_EQ(num_weights(linear.focus), 784);
  EXPECT_EQ(num_weights(linear.classifier), (784 + 1) * 3);

  const auto perceptron = make_model(mlp(64), kGrey);
  EXPECT_EQ(num_weights(perceptron.focus), (784 + 1) * 64 + 64);
  EXPECT_EQ(num_weights(perceptron.classifier), (784 + 1) * 64 + (64 + 1) * 3);

  const auto cnn = make_model({{"name", "cnn"}}, kColour);  // 32 -> 30 -> 15 -> 13 -> 6 pixels
  const auto stages = (3 * 9 + 1) * 8 + (8 * 9 + 1) * 16 + (16 * 6 * 6 + 1) * 32;
  EXPECT_EQ(num_weights(cnn.focus), stages + 32);
  EXPECT_EQ(num_weights(cnn.classifier), stages + (32 + 1) * 10);
}

TEST(Linear, IsWxPlusBOfEachTrial) {
  const auto model = make_model({{"name", "linear"}}, kVectors);
  const auto parameters = make_parameters(model);
  const auto points = torch::randn({1, 6, 8});

  const auto scores = model.focus.forward(parameters.network(0), points);
  const auto logits = model.classifier.forward(parameters.network(1), points);

  for (const int t : {0, 1}) {
    const auto w = parameters.network(1);
    expect_close(scores[t], torch::mm(parameters.network(0)[0][t], points[0]));
    expect_close(logits[t], torch::mm(w[0][t], points[0]) + w[1][t].unsqueeze(1));
  }
}

TEST(Mlp, HasOneHiddenLayerWithItsActivation) {
  for (const std::string activation : {"relu", "tanh"}) {
    const auto model = make_model(mlp(7, activation), kVectors);
    const auto parameters = make_parameters(model);
    const auto points = torch::randn({2, 6, 8});  // the trials look at points of their own
    const auto w = parameters.network(1);

    const auto logits = model.classifier.forward(w, points);

    for (const int t : {0, 1}) {
      const auto before = torch::mm(w[0][t], points[t]) + w[1][t].unsqueeze(1);
      const auto hidden = activation == "relu" ? before.clamp_min(0) : before.tanh();
      expect_close(logits[t], torch::mm(w[2][t], hidden) + w[3][t].unsqueeze(1));
    }
  }
}

/// Convolution by the definition, for one image.  Shapes: [c, h, w] -> [out, h - 2, w - 2]
Tensor convolve(const Tensor& image, const Tensor& weight, const Tensor& bias) {
  const auto height = image.size(1) - 2;
  const auto width = image.size(2) - 2;
  auto maps = bias.view({-1, 1, 1}).expand({-1, height, width}).clone();
  for (int dy = 0; dy < 3; ++dy) {
    for (int dx = 0; dx < 3; ++dx) {
      const auto window = image.narrow(1, dy, height).narrow(2, dx, width).flatten(1);
      const auto kernel = weight.select(3, dx).select(2, dy);  // [out, c]
      maps += torch::mm(kernel, window).view({-1, height, width});
    }
  }
  return maps;
}

/// ReLU, then the largest of each 2 x 2 block.
Tensor pool(const Tensor& maps) {
  const auto height = maps.size(1) / 2 * 2;
  const auto width = maps.size(2) / 2 * 2;
  const auto even = maps.narrow(1, 0, height).narrow(2, 0, width).clamp_min(0);
  return even.view({-1, height / 2, 2, width / 2, 2}).amax({2, 4});
}

TEST(Cnn, HasTwoConvolutionsAndTwoDenseLayers) {
  const DataShape shape = {
      .segments = 2, .features = 2 * 11 * 13, .classes = 3, .image = ImageShape{2, 11, 13}};
  const auto model = make_model({{"name", "cnn"}}, shape);
  const auto parameters = make_parameters(model);
  const auto w = parameters.network(1);
  const auto points = torch::randn({2, shape.features, 3});

  const auto logits = model.classifier.forward(w, points);

  ASSERT_EQ(logits.sizes(), torch::IntArrayRef({2, 3, 3}));
  for (const int t : {0, 1}) {
    for (const int n : {0, 1, 2}) {
      const auto image = points[t].select(1, n).view({2, 11, 13});
      const auto maps = pool(convolve(pool(convolve(image, w[0][t], w[1][t])), w[2][t], w[3][t]));
      const auto hidden = (torch::mv(w[4][t], maps.flatten()) + w[5][t]).clamp_min(0);
      expect_close(logits[t].select(1, n), torch::mv(w[6][t], hidden) + w[7][t]);
    }
  }
}

TEST(Cnn, RefusesWhatIsNoImageOrTooSmall) {
  auto small = kGrey;
  small.image = ImageShape{1, 9, 28};

  EXPECT_THROW(make_model({{"name", "cnn"}}, kVectors), SettingError);
  EXPECT_THROW(make_model({{"name", "cnn"}}, small), SettingError);
}

}  // namespace
}  // namespace trainer
