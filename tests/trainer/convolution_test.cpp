#include "trainer/models/convolution.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "trainer/models/convolutional.hpp"

namespace trainer {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

constexpr std::int64_t kTrials = 3, kInputs = 21;  // no multiple of a block

struct Sizes {
  ImageShape image;
  std::int64_t kernel;
  std::int64_t outputs;
  bool has_pool;
};

// Rows and columns that a pool drops, outputs of more than a tile, windows that no tile divides and
// one of more values than fit the first cache.
const std::vector<Sizes> kSizes = {{{3, 9, 12}, 3, 5, true},
                                   {{2, 8, 7}, 5, 2, true},
                                   {{70, 4, 5}, 3, 9, false},
                                   {{1, 4, 4}, 1, 1, true}};

/// maxpool(relu(W * x + b)) by LibTorch's operators.
/// Shapes: points [T or 1, d, N], weight [T, out, c, k, k], bias [T, out] -> [T, features, N]
Tensor reference(const Tensor& points, const Tensor& weight, const Tensor& bias,
                 const Sizes& sizes) {
  const auto& image = sizes.image;
  Tensors trials;
  for (std::int64_t t = 0; t < weight.size(0); ++t) {
    const auto images = points[points.size(0) == 1 ? 0 : t].t().reshape(
        {-1, image.channels, image.height, image.width});
    const auto maps = torch::conv2d(images, weight[t], bias[t]).relu();
    trials.push_back((sizes.has_pool ? torch::max_pool2d(maps, 2) : maps).flatten(1).t());
  }
  return torch::stack(trials);
}

Tensor convolve(const Tensor& points, const Tensor& weight, const Tensor& bias,
                const Sizes& sizes) {
  const auto blocks = to_blocks(points, sizes.image);
  return from_blocks(convolve_blocks(blocks, weight, bias, sizes.has_pool), points.size(2));
}

struct Inputs {
  Inputs(const Sizes& sizes, std::int64_t kinds, torch::ScalarType type) {
    torch::manual_seed(6);
    const auto& [channels, height, width] = sizes.image;
    const auto k = sizes.kernel;
    points = torch::randn({kinds, channels * height * width, kInputs}, type);
    weight = torch::randn({kTrials, sizes.outputs, channels, k, k}, type);
    bias = torch::randn({kTrials, sizes.outputs}, type);
  }
  Tensor points, weight, bias;
};

/// The values, then gradients of the points, the weight and the bias.
template <class Function>
Tensors differentiate(const Inputs& inputs, const Sizes& sizes, const Function& function) {
  const auto leaf = [](const Tensor& tensor) { return tensor.clone().requires_grad_(); };
  const Tensors leaves = {leaf(inputs.points), leaf(inputs.weight), leaf(inputs.bias)};
  const auto values = function(leaves[0], leaves[1], leaves[2], sizes);
  const auto outer = torch::arange(values.numel(), values.options()).view_as(values).sin();
  auto tensors = torch::autograd::grad({(values * outer).sum()}, leaves);
  tensors.insert(tensors.begin(), values.detach());
  return tensors;
}

template <class Function>
void expect_reference(torch::ScalarType type, std::int64_t kinds, double tolerance,
                      const Function& function) {
  for (const auto& sizes : kSizes) {
    const Inputs inputs(sizes, kinds, type);
    const auto ours = differentiate(inputs, sizes, function);
    const auto theirs = differentiate(inputs, sizes, reference);
    for (std::size_t i = 0; i < ours.size(); ++i) {
      ASSERT_EQ(ours[i].sizes(), theirs[i].sizes());
      EXPECT_TRUE(torch::allclose(ours[i], theirs[i], tolerance, tolerance))
          << "tensor " << i << ", outputs " << sizes.outputs;
    }
  }
}

TEST(Convolution, OfSharedImagesIsThatOfLibTorch) {
  expect_reference(torch::kDouble, 1, 1e-12, convolve);
  expect_reference(torch::kFloat, 1, 2e-4, convolve);
}

TEST(Convolution, OfEachTrialsOwnImagesIsThatOfLibTorch) {
  expect_reference(torch::kDouble, kTrials, 1e-12, convolve);
  expect_reference(torch::kFloat, kTrials, 2e-4, convolve);
}

TEST(Convolution, NeedsNoBias) {
  const auto& sizes = kSizes.front();
  const Inputs inputs(sizes, 1, torch::kDouble);
  const auto values = convolve(inputs.points, inputs.weight, {}, sizes);
  const auto expected =
      reference(inputs.points, inputs.weight, torch::zeros_like(inputs.bias), sizes);

  EXPECT_TRUE(torch::allclose(values, expected, 1e-12, 1e-12));
}

/// convolve_grouped() in the shapes of convolve().
Tensor convolve_in_groups(const Tensor& points, const Tensor& weight, const Tensor& bias,
                          const Sizes& sizes) {
  const auto& image = sizes.image;
  const auto images = points.permute({2, 0, 1}).reshape({kInputs, -1, image.height, image.width});
  const auto maps = convolve_grouped(images, weight, bias, sizes.has_pool);
  return maps.reshape({kInputs, weight.size(0), -1}).permute({1, 2, 0});
}

TEST(GroupedConvolution, EqualsThePoolAfterBiasAndReluWithItsGradients) {
  expect_reference(torch::kDouble, 1, 1e-12, convolve_in_groups);
  expect_reference(torch::kDouble, kTrials, 1e-12, convolve_in_groups);
}

TEST(GroupedConvolution, HasTheGradientsOfFiniteDifferences) {
  constexpr double kStep = 1e-6;
  const auto& sizes = kSizes.front();
  const Inputs inputs(sizes, kTrials, torch::kDouble);
  const auto gradients = differentiate(inputs, sizes, convolve_in_groups);
  const auto sum_at = [&](double step, const Inputs& way) {
    const auto values =
        convolve_in_groups(inputs.points + step * way.points, inputs.weight + step * way.weight,
                           inputs.bias + step * way.bias, sizes);
    return (values * torch::arange(values.numel(), values.options()).view_as(values).sin())
        .sum()
        .item<double>();
  };
  for (std::size_t leaf = 0; leaf < 3; ++leaf) {
    Inputs way = {sizes, kTrials, torch::kDouble};
    const std::array tensors = {&way.points, &way.weight, &way.bias};
    for (std::size_t i = 0; i < tensors.size(); ++i)
      i == leaf ? tensors[i]->normal_() : tensors[i]->zero_();

    const auto slope = (sum_at(kStep, way) - sum_at(-kStep, way)) / (2 * kStep);

    const auto expected = (gradients[leaf + 1] * *tensors[leaf]).sum().item<double>();
    EXPECT_NEAR(slope, expected, 1e-6 * std::abs(expected)) << "leaf " << leaf;
  }
}

TEST(GroupedConvolution, NeedsNoBias) {
  for (const auto& sizes : {kSizes[0], kSizes[2]}) {
    const Inputs inputs(sizes, 1, torch::kDouble);
    const auto values = convolve_in_groups(inputs.points, inputs.weight, {}, sizes);
    const auto expected =
        reference(inputs.points, inputs.weight, torch::zeros_like(inputs.bias), sizes);
    EXPECT_TRUE(torch::allclose(values, expected, 1e-12, 1e-12));
  }
}

// The bias follows the convolution, as it does on a GPU.
TEST(GroupedConvolution, HasTheBitsOfThePoolAfterBiasAndRelu) {
  const auto& sizes = kSizes.front();
  const Inputs inputs(sizes, 1, torch::kFloat);
  const auto& image = sizes.image;
  const auto images =
      inputs.points[0].t().reshape({kInputs, image.channels, image.height, image.width});
  const auto bias = inputs.bias.flatten().view({-1, 1, 1});

  const auto values = convolve_grouped(images, inputs.weight, inputs.bias, /*has_pool=*/true);

  const auto maps = torch::conv2d(images, inputs.weight.flatten(0, 1)) + bias;
  EXPECT_TRUE(values.equal(torch::max_pool2d(maps.relu(), kPool)));
}

TEST(Convolution, OfATrialIsTheSameInAnyPack) {
  for (const auto& sizes : kSizes) {
    for (const auto kinds : {std::int64_t{1}, kTrials}) {
      const Inputs inputs(sizes, kinds, torch::kFloat);
      const auto run = [&](const Inputs& of_pack) {
        auto weight = of_pack.weight.clone().requires_grad_();
        const auto values = convolve(of_pack.points, weight, of_pack.bias, sizes);
        return Tensors{values, torch::autograd::grad({values.square().sum()}, {weight})[0]};
      };
      const auto together = run(inputs);
      for (std::int64_t t = 0; t < kTrials; ++t) {
        auto trial = inputs;
        if (kinds > 1) trial.points = inputs.points.narrow(0, t, 1);
        trial.weight = inputs.weight.narrow(0, t, 1);
        trial.bias = inputs.bias.narrow(0, t, 1);
        const auto alone = run(trial);
        EXPECT_TRUE(torch::equal(alone[0][0], together[0][t])) << t << " of " << kinds;
        EXPECT_TRUE(torch::equal(alone[1][0], together[1][t])) << t << " of " << kinds;
      }
    }
  }
}

/// Of images of 2 x 2 pixels, pooled, under a weight of 1.  Returns values and gradients [4, N].
Tensors pool(const Tensor& points) {
  auto leaf = points.clone().requires_grad_();
  const auto one = torch::ones({1, 1, 1, 1, 1}, points.options());
  const Sizes sizes = {.image = {1, 2, 2}, .kernel = 1, .outputs = 1, .has_pool = true};
  const auto values = convolve(leaf.unsqueeze(0), one, {}, sizes)[0];
  return {values.detach(), torch::autograd::grad({values.sum()}, {leaf})[0]};
}

TEST(Convolution, OfEqualLargestValuesKeepsTheFirst) {
  const auto points = torch::tensor({1., 5., 3., 5., 3., 5., 2., 5.}).view({4, 2});

  const auto result = pool(points);

  EXPECT_TRUE(torch::equal(result[0], torch::tensor({3., 5.}).view({1, 2})));
  EXPECT_TRUE(
      torch::equal(result[1], torch::tensor({0., 1., 1., 0., 0., 0., 0., 0.}).view({4, 2})));
}

TEST(Convolution, OfNothingAboveZeroPassesNoGradient) {
  const auto points = torch::tensor({-1., 0., -3., -1., -2., 0., -4., 0.}).view({4, 2});

  const auto result = pool(points);

  EXPECT_EQ(result[0].abs().sum().item<double>(), 0);
  EXPECT_EQ(result[1].abs().sum().item<double>(), 0);
}

TEST(Convolution, KeepsWhatIsNoNumber) {
  constexpr auto kNan = std::numeric_limits<double>::quiet_NaN();
  const auto points = torch::tensor({1., kNan, kNan, 1., 2., 2., 3., 3.}).view({4, 2});

  EXPECT_TRUE(pool(points)[0].isnan().all().item<bool>());
  EXPECT_TRUE(pool(points.to(torch::kFloat))[0].isnan().all().item<bool>());
}

TEST(Convolution, LeavesSamplesAlone) {
  const auto& sizes = kSizes.front();
  Inputs inputs(sizes, 1, torch::kFloat);
  const auto before = convolve(inputs.points, inputs.weight, inputs.bias, sizes);
  inputs.points.select(2, 4).fill_(std::numeric_limits<float>::quiet_NaN());
  const auto after = convolve(inputs.points, inputs.weight, inputs.bias, sizes);

  EXPECT_TRUE(torch::equal(after.narrow(2, 0, 4), before.narrow(2, 0, 4)));
  EXPECT_TRUE(torch::equal(after.narrow(2, 5, 16), before.narrow(2, 5, 16)));
}

TEST(Convolution, RefusesShapesThatDoNotMatch) {
  const auto blocks = to_blocks(torch::zeros({2, 2 * 4 * 4, 16}), {2, 4, 4});

  EXPECT_NO_THROW(convolve_blocks(blocks, torch::zeros({2, 1, 2, 3, 3}), {}, false));
  EXPECT_THROW(convolve_blocks(blocks[0], torch::zeros({2, 1, 2, 3, 3}), {}, false), c10::Error);
  EXPECT_THROW(convolve_blocks(blocks, torch::zeros({3, 1, 2, 3, 3}), {}, false), c10::Error);
  EXPECT_THROW(convolve_blocks(blocks, torch::zeros({2, 1, 3, 3, 3}), {}, false), c10::Error);
  EXPECT_THROW(convolve_blocks(blocks, torch::zeros({2, 1, 2, 3, 2}), {}, false), c10::Error);
  EXPECT_THROW(convolve_blocks(blocks, torch::zeros({2, 1, 2, 5, 5}), {}, false), c10::Error);
  EXPECT_NO_THROW(convolve_blocks(blocks, torch::zeros({2, 1, 2, 4, 4}), {}, false));
  EXPECT_THROW(convolve_blocks(blocks, torch::zeros({2, 1, 2, 4, 4}), {}, true), c10::Error)
      << "a pool of a single pixel";
  EXPECT_THROW(convolve_blocks(blocks, torch::zeros({2, 1, 2, 3, 3}), torch::zeros({2, 3}), false),
               c10::Error);
  EXPECT_THROW(convolve_blocks(blocks, torch::zeros({2, 1, 2, 3, 3}, torch::kDouble), {}, false),
               c10::Error);
}

}  // namespace
}  // namespace trainer
