
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

DataShape colour_images(std::int64_t classes) {
  auto shape = kColour;
  shape.classes = classes;
  return shape;
}

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

json linear(bool bias = true, const std::string& start = "uniform") {
  return {{"name", "linear"}, {"bias", bias}, {"start", start}};
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
  const auto affine = make_model(linear(), kGrey);
  EXPECT_EQ(num_weights(affine.focus), 784);
  EXPECT_EQ(num_weights(affine.classifier), (784 + 1) * 3);

  const auto perceptron = make_model(mlp(64), kGrey);
  EXPECT_EQ(num_weights(perceptron.focus), (784 + 1) * 64 + 64);
  EXPECT_EQ(num_weights(perceptron.classifier), (784 + 1) * 64 + (64 + 1) * 3);

  const auto cnn = make_model({{"name", "cnn"}}, kColour);  // 32 -> 30 -> 15 -> 13 -> 6 pixels
  const auto stages = (3 * 9 + 1) * 8 + (8 * 9 + 1) * 16 + (16 * 6 * 6 + 1) * 32;
  EXPECT_EQ(num_weights(cnn.focus), stages + 32);
  EXPECT_EQ(num_weights(cnn.classifier), stages + (32 + 1) * 10);
}

// Expected: the counts published with the models.
TEST(Models, HaveAsManyWeightsAsPublished) {
  const auto small = make_model({{"name", "cifar10_cnn"}}, colour_images(3));
  EXPECT_EQ(num_weights(small.focus), 613'866);
  EXPECT_EQ(num_weights(small.classifier), 62'039);

  const auto large = make_model({{"name", "cifar100_cnn"}}, colour_images(50));
  EXPECT_EQ(num_weights(large.focus), 613'280);
  EXPECT_EQ(num_weights(large.classifier), 116'218);

  const DataShape orthogonal = {.segments = 20, .features = 21, .classes = 20};
  EXPECT_EQ(num_weights(make_model(linear(), orthogonal).classifier), 440);
  const auto nonlinear = make_model({{"name", "nonlinear_focus"}, {"hidden", 50}}, orthogonal);
  EXPECT_EQ(num_weights(nonlinear.focus), 50 * 21 + 50);
  EXPECT_EQ(num_weights(nonlinear.classifier), 440);
}

/// Weights with more than one dimension, in the order of the layers; biases are the others.
std::vector<Tensor> weights_of(std::span<const Tensor> network, bool is_bias = false) {
  std::vector<Tensor> found;
  for (const auto& tensor : network)
    if ((tensor.dim() == 2) == is_bias) found.push_back(tensor[0]);  // of the first trial
  return found;
}

void expect_norms(const std::vector<Tensor>& weights, const std::vector<double>& expected) {
  ASSERT_EQ(weights.size(), expected.size());
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_NEAR(weights[i].norm().item<double>(), expected[i], 1e-4) << "layer " << i;
}

void expect_first_weights(const Tensor& weight, const std::vector<float>& expected) {
  EXPECT_TRUE(torch::allclose(weight.flatten().slice(0, 0, 3), torch::tensor(expected),
                              /*rtol=*/0, /*atol=*/1e-4));
}

// Expected: check values published with the models, from torch's own generator.
TEST(CifarCnn, StartsFromTheCheckValuesOfSeedTwelve) {
  const auto model = make_model({{"name", "cifar10_cnn"}}, colour_images(3));
  const Parameters parameters(std::vector<std::int64_t>{12},
                              {model.focus.weights, model.classifier.weights}, torch::kCPU);
  const auto focus = weights_of(parameters.network(0));
  const auto classifier = weights_of(parameters.network(1));

  expect_norms(focus, {2.30822, 6.54817, 7.96744, 26.16247, 10.6901, 4.28762, 1.33814});
  expect_norms(classifier, {1.88064, 2.93394, 13.56712, 9.93149, 4.10337, 2.17994});
  expect_first_weights(focus[0], {-0.0646065F, -0.1184640F, -0.1287951F});
  expect_first_weights(classifier[0], {-0.0472945F, -0.0098574F, 0.0245701F});
  EXPECT_TRUE(weights_of(parameters.network(0), /*is_bias=*/true).empty());
  const auto biases = weights_of(parameters.network(1), /*is_bias=*/true);
  expect_norms(biases, std::vector<double>(6));
}

TEST(Linear, IsWxOfZerosWithoutABiasAndAZeroStart) {
  const auto model = make_model(linear(/*bias=*/false, "zero"), kVectors);
  const auto parameters = make_parameters(model);
  const auto points = torch::randn({1, 6, 8});

  EXPECT_EQ(num_weights(model.classifier), 3 * 6);
  EXPECT_EQ(parameters.theta().abs().sum().item<double>(), 0);
  const std::vector<Tensor> weights = {torch::randn({2, 3, 6})};
  expect_close(model.classifier.forward(weights, points)[1], torch::mm(weights[0][1], points[0]));
}

TEST(Linear, IsWxPlusBOfEachTrial) {
  const auto model = make_model(linear(), kVectors);
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

TEST(NonlinearFocus, IsARectifiedLayerWithoutBiasesBesideALinearClassifier) {
  const auto model = make_model({{"name", "nonlinear_focus"}, {"hidden", 7}}, kVectors);
  const auto parameters = make_parameters(model);
  const auto points = torch::randn({1, 6, 8});
  const auto f = parameters.network(0);
  const auto g = parameters.network(1);

  const auto scores = model.focus.forward(f, points);
  const auto logits = model.classifier.forward(g, points);

  for (const int t : {0, 1}) {
    expect_close(scores[t], torch::mm(f[1][t], torch::mm(f[0][t], points[0]).clamp_min(0)));
    expect_close(logits[t], torch::mm(g[0][t], points[0]) + g[1][t].unsqueeze(1));
  }
}

/// Convolution by the definition, for one image.
/// Shapes: [c, h, w], weight [out, c, k, k] -> [out, h - k + 1, w - k + 1]
Tensor convolve(const Tensor& image, const Tensor& weight, const Tensor& bias) {
  const auto kernel_size = weight.size(2);
  const auto height = image.size(1) - kernel_size + 1;
  const auto width = image.size(2) - kernel_size + 1;
  auto maps = bias.view({-1, 1, 1}).expand({-1, height, width}).clone();
  for (int dy = 0; dy < kernel_size; ++dy) {
    for (int dx = 0; dx < kernel_size; ++dx) {
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

Tensor convolve(const Tensor& image, const Tensor& weight) {
  return convolve(image, weight, torch::zeros({weight.size(0)}));
}

/// The published pairs as their layers say, for one image of one trial.
/// Shapes: weights of the trial, image [3, 32, 32] -> [1]
Tensor score_image(const std::vector<Tensor>& w, const Tensor& image) {
  auto maps = pool(convolve(pool(convolve(image, w[0])), w[1]));
  auto units = convolve(maps, w[2]).clamp_min(0).flatten();
  for (std::size_t layer = 3; layer + 1 < w.size(); ++layer)
    units = torch::mv(w[layer], units).clamp_min(0);
  return torch::mv(w.back(), units);
}

/// Shapes: weights and biases in turn, image [3, 32, 32] -> [C]
Tensor classify_image(const std::vector<Tensor>& w, const Tensor& image) {
  auto units = pool(convolve(pool(convolve(image, w[0], w[1])), w[2], w[3])).flatten();
  for (std::size_t layer = 4; layer + 2 < w.size(); layer += 2)
    units = (torch::mv(w[layer], units) + w[layer + 1]).clamp_min(0);
  return torch::mv(w[w.size() - 2], units) + w.back();
}

std::vector<Tensor> of_trial(std::span<const Tensor> network, int t) {
  std::vector<Tensor> weights;
  for (const auto& tensor : network)
    weights.push_back(tensor[t]);
  return weights;
}

class CifarPair : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, CifarPair, testing::Values("cifar10_cnn", "cifar100_cnn"),
                         [](const auto& model) { return model.param; });

TEST_P(CifarPair, ComputesWhatItsLayersSay) {
  const auto model = make_model({{"name", GetParam()}}, kColour);
  const auto parameters = make_parameters(model);
  parameters.theta().add_(0.01);  // biases too
  const auto points = torch::randn({2, 3072, 2});

  const auto scores = model.focus.forward(parameters.network(0), points);
  const auto logits = model.classifier.forward(parameters.network(1), points);

  ASSERT_EQ(scores.sizes(), torch::IntArrayRef({2, 1, 2}));
  ASSERT_EQ(logits.sizes(), torch::IntArrayRef({2, 10, 2}));
  for (const int t : {0, 1}) {
    for (const int n : {0, 1}) {
      const auto image = points[t].select(1, n).view({3, 32, 32});
      const auto score = score_image(of_trial(parameters.network(0), t), image);
      const auto logit = classify_image(of_trial(parameters.network(1), t), image);
      EXPECT_TRUE(torch::allclose(scores[t].select(1, n), score, 1e-4, 1e-4)) << scores << score;
      EXPECT_TRUE(torch::allclose(logits[t].select(1, n), logit, 1e-4, 1e-4)) << logits << logit;
    }
  }
}

TEST_P(CifarPair, NeedsImagesOfEighteenPixels) {
  auto small = kColour;
  small.image = ImageShape{3, 17, 32};
  auto enough = kColour;
  enough.image = ImageShape{3, 18, 18};

  EXPECT_THROW(make_model({{"name", GetParam()}}, kVectors), SettingError);
  EXPECT_THROW(make_model({{"name", GetParam()}}, small), SettingError);
  EXPECT_NO_THROW(make_model({{"name", GetParam()}}, enough));
}

TEST(Cnn, RefusesWhatIsNoImageOrTooSmall) {
  auto small = kGrey;
  small.image = ImageShape{1, 9, 28};

  EXPECT_THROW(make_model({{"name", "cnn"}}, kVectors), SettingError);
  EXPECT_THROW(make_model({{"name", "cnn"}}, small), SettingError);
}

}  // namespace
}  // namespace trainer
