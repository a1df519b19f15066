#include "trainer/parameters.hpp"

#include <gtest/gtest.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/utils.h>

namespace trainer {
namespace {

using torch::Tensor;
using Networks = std::vector<std::vector<WeightShape>>;

const std::vector<WeightShape> kLinear = {{.sizes = {20, 21}, .fan_in = 21},
                                          {.sizes = {20}, .fan_in = 21}};
const std::vector<WeightShape> kConvolution = {{.sizes = {6, 3, 5, 5}, .fan_in = 75},
                                               {.sizes = {6}, .fan_in = 75}};

Parameters make(const std::vector<std::int64_t>& seeds, const Networks& networks) {
  return {seeds, networks, torch::kCPU};
}

TEST(Parameters, AreThoseOfTorchLayersBuiltFromTheSameSeed) {
  const auto parameters = make({12}, {kLinear, kConvolution});

  torch::manual_seed(12);
  const torch::nn::Linear linear(21, 20);
  torch::manual_seed(12);
  const torch::nn::Conv2d convolution(torch::nn::Conv2dOptions(3, 6, 5));
  EXPECT_TRUE(parameters.network(0)[0][0].equal(linear->weight));
  EXPECT_TRUE(parameters.network(0)[1][0].equal(linear->bias));
  EXPECT_TRUE(parameters.network(1)[0][0].equal(convolution->weight));
  EXPECT_TRUE(parameters.network(1)[1][0].equal(convolution->bias));
}

// Expected: check values of Linear(21 -> 20) in the source of the study.
TEST(Parameters, HaveTheCheckValuesOfSeedTwelve) {
  const auto parameters = make({12}, {kLinear});

  const auto weight = parameters.network(0)[0][0];
  const auto bias = parameters.network(0)[1][0];
  const std::vector<float> first_weights = {-0.0150F, -0.1166F, -0.0206F, 0.0380F};
  const std::vector<float> first_biases = {0.0438F, -0.2079F, -0.1443F, -0.0217F};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto index = static_cast<std::int64_t>(i);
    EXPECT_NEAR(weight[0][index].item<float>(), first_weights[i], 1e-4);
    EXPECT_NEAR(bias[index].item<float>(), first_biases[i], 1e-4);
  }
  EXPECT_NEAR(weight.sum().item<float>(), 0.299532, 1e-4);
  EXPECT_NEAR(bias.sum().item<float>(), 0.078357, 1e-4);
}

TEST(Parameters, StartATrialFromItsSeedWhateverItsPlace) {
  const auto pack = make({3, 12, 3}, {kLinear, kConvolution});
  const auto alone = make({12}, {kLinear, kConvolution});

  EXPECT_TRUE(pack.theta()[1].equal(alone.theta()[0]));
  EXPECT_TRUE(pack.theta()[0].equal(pack.theta()[2]));
  EXPECT_FALSE(pack.theta()[0].equal(pack.theta()[1]));
}

TEST(Parameters, AreViewsOfTheArena) {
  const auto parameters = make({1, 2}, {kLinear});

  parameters.theta()[1].fill_(5);

  EXPECT_TRUE(parameters.network(0)[0][1].eq(5).all().item<bool>());
  EXPECT_TRUE(parameters.network(0)[1][1].eq(5).all().item<bool>());
  EXPECT_FALSE(parameters.network(0)[0][0].eq(5).any().item<bool>());
}

TEST(Parameters, HaveRowsOfWholeCacheLines) {
  const auto parameters = make({1, 2}, {kLinear});  // 440 weights

  EXPECT_EQ(parameters.theta().sizes(), torch::IntArrayRef({2, 448}));
  EXPECT_EQ(parameters.theta().slice(/*dim=*/1, 440).abs().max().item<float>(), 0);
}

// The gradient of sum_w c w^2 / 2 is c w, with another c for each trial and network.
TEST(Parameters, GatherGradientsInTheirOwnColumns) {
  auto parameters = make({1, 2}, {kLinear, kConvolution});
  auto total = torch::zeros({});
  for (const std::size_t network : {0U, 1U})
    for (const auto& weight : parameters.network(network))
      for (const int t : {0, 1})
        total = total + weight[t].square().sum() / 2 * (10 * static_cast<int>(network) + t + 1);

  parameters.differentiate(total);

  auto expected = parameters.theta().clone();
  expected[1].mul_(2);
  expected[0].slice(0, 440).mul_(11);
  expected[1].slice(0, 440).mul_(6);  // 12, twice of which is there already
  EXPECT_TRUE(torch::allclose(parameters.grad(), expected));
}

}  // namespace
}  // namespace trainer
