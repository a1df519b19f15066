#include "trainer/losses/blend.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace trainer {
namespace {

constexpr std::int64_t kTrials = 3, kSegments = 4, kFeatures = 5, kInputs = 37;

torch::Tensor reference(const torch::Tensor& attention, const torch::Tensor& segments) {
  return torch::einsum("tjb,tkjb->tkb", {attention, segments.expand({kTrials, -1, -1, -1})});
}

struct Inputs {
  explicit Inputs(torch::ScalarType type, std::int64_t kinds)
      : attention(torch::softmax(torch::randn({kTrials, kSegments, kInputs}, type), 1)),
        segments(torch::randn({kinds, kFeatures, kSegments, kInputs}, type)),
        weight(torch::randn({kTrials, kFeatures, kInputs}, type)) {}
  torch::Tensor attention, segments, weight;
};

/// The blend and the gradient of the attention.
template <class Function>
std::pair<torch::Tensor, torch::Tensor> value_and_gradient(const Inputs& inputs,
                                                           const Function& function) {
  auto attention = inputs.attention.clone().requires_grad_();
  const auto value = function(attention, inputs.segments);
  const auto gradient = torch::autograd::grad({(value * inputs.weight).sum()}, {attention})[0];
  return {value.detach(), gradient};
}

void expect_reference(torch::ScalarType type, std::int64_t kinds, double tolerance) {
  torch::manual_seed(3);
  const Inputs inputs(type, kinds);
  const auto ours = value_and_gradient(inputs, blend);
  const auto theirs = value_and_gradient(inputs, reference);
  EXPECT_TRUE(torch::allclose(ours.first, theirs.first, tolerance, tolerance));
  EXPECT_TRUE(torch::allclose(ours.second, theirs.second, tolerance, tolerance));
}

TEST(Blend, OfSharedSegmentsIsTheirWeightedSum) {
  expect_reference(torch::kFloat, 1, 1e-5);
  expect_reference(torch::kDouble, 1, 1e-12);
}

TEST(Blend, OfEachTrialsOwnSegmentsIsTheirWeightedSum) {
  expect_reference(torch::kFloat, kTrials, 1e-5);
  expect_reference(torch::kDouble, kTrials, 1e-12);
}

TEST(Blend, PassesGradientsToSegmentsThatAreLearned) {
  torch::manual_seed(4);
  const Inputs inputs(torch::kFloat, 1);
  auto segments = inputs.segments.clone().requires_grad_();
  const auto value = blend(inputs.attention, segments);
  const auto gradient = torch::autograd::grad({value.sum()}, {segments})[0];

  const auto expected = inputs.attention.sum(0).expand({1, kFeatures, -1, -1});
  EXPECT_TRUE(torch::allclose(gradient, expected, 1e-5, 1e-6));
}

TEST(Blend, PassesGradientsToEachTrialsOwnSegments) {
  torch::manual_seed(5);
  const Inputs inputs(torch::kDouble, kTrials);
  const auto gradient_of = [&](const auto& function) {
    auto segments = inputs.segments.clone().requires_grad_();
    const auto value = function(inputs.attention, segments);
    return torch::autograd::grad({(value * inputs.weight).sum()}, {segments})[0];
  };
  EXPECT_TRUE(torch::allclose(gradient_of(blend), gradient_of(reference), 1e-12, 1e-12));
}

/// The blend and the gradients of attention and segments.
template <class Function>
std::vector<torch::Tensor> differentiate(const Inputs& inputs, const Function& function) {
  auto attention = inputs.attention.clone().requires_grad_();
  auto segments = inputs.segments.clone().requires_grad_();
  const auto value = function(attention, segments);
  const auto gradients =
      torch::autograd::grad({(value * inputs.weight).sum()}, {attention, segments});
  return {value.detach(), gradients[0], gradients[1]};
}

TEST(BlendByProducts, IsTheWeightedSumOfSharedSegmentsWithItsGradients) {
  torch::manual_seed(6);
  const Inputs inputs(torch::kDouble, 1);

  const auto ours = differentiate(inputs, blend_by_products);

  const auto theirs = differentiate(inputs, reference);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    ASSERT_EQ(ours[i].sizes(), theirs[i].sizes());
    EXPECT_TRUE(torch::allclose(ours[i], theirs[i], 1e-12, 1e-12)) << "tensor " << i;
  }
}

TEST(BlendByProducts, NeedsNoGradientOfTheSegments) {
  torch::manual_seed(7);
  const Inputs inputs(torch::kDouble, 1);

  const auto ours = value_and_gradient(inputs, blend_by_products);

  const auto theirs = value_and_gradient(inputs, reference);
  EXPECT_TRUE(torch::allclose(ours.second, theirs.second, 1e-12, 1e-12));
}

// What a product takes as it is: one of its two strides within a trial is 1.
TEST(BlendByProducts, IsAFactorOfAProductWithoutACopy) {
  const Inputs inputs(torch::kDouble, 1);

  const auto blended = blend_by_products(inputs.attention, inputs.segments);

  EXPECT_EQ(blended.strides(), torch::IntArrayRef({kFeatures, 1, kTrials * kFeatures}));
}

TEST(Blend, OfATrialIsTheSameInAnyPack) {
  for (const auto kinds : {std::int64_t{1}, kTrials}) {
    const Inputs inputs(torch::kFloat, kinds);
    const auto together = blend(inputs.attention, inputs.segments);
    for (std::int64_t t = 0; t < kTrials; ++t) {
      const auto segments = kinds == 1 ? inputs.segments : inputs.segments.narrow(0, t, 1);
      const auto alone = blend(inputs.attention.narrow(0, t, 1), segments);
      EXPECT_TRUE(torch::equal(alone[0], together[t])) << t << " of " << kinds;
    }
  }
}

}  // namespace
}  // namespace trainer
