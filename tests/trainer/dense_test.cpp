#include "trainer/models/dense.hpp"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "trainer/precision.hpp"

namespace trainer {
namespace {

using torch::Tensor;
using Tensors = std::vector<Tensor>;

constexpr std::int64_t kTrials = 3, kOutputs = 7, kColumns = 29;

struct DenseInputs {
  explicit DenseInputs(std::int64_t features, torch::ScalarType type = torch::kDouble) {
    torch::manual_seed(8);
    weight = torch::randn({kTrials, kOutputs, features}, type);
    bias = torch::randn({kTrials, kOutputs}, type);
    points = torch::randn({1, features, kColumns}, type);
    outer = torch::randn({kTrials, kOutputs, kColumns}, type);
  }
  Tensor weight, bias, points;
  Tensor outer;  // the gradient of the result
};

/// The values, then gradients of the weight, the bias and the points.
Tensors differentiate(const DenseInputs& inputs) {
  const auto leaf = [](const Tensor& tensor) { return tensor.clone().requires_grad_(); };
  const Tensors leaves = {leaf(inputs.weight), leaf(inputs.bias), leaf(inputs.points)};
  const auto values = dense_of_shared(leaves[0], leaves[1], leaves[2]);
  auto tensors = torch::autograd::grad({values}, leaves, {inputs.outer.to(values.dtype())});
  tensors.insert(tensors.begin(), values.detach());
  return tensors;
}

/// W x + b and what calculus says of it.
Tensors expected_of(const DenseInputs& inputs) {
  const auto& [weight, bias, points, outer] = inputs;
  return {torch::baddbmm(bias.unsqueeze(-1), weight, points.expand({kTrials, -1, -1})),
          torch::einsum("ton,kn->tok", {outer, points[0]}), outer.sum(2),
          torch::einsum("tok,ton->kn", {weight, outer}).unsqueeze(0)};
}

void expect_close(const Tensors& values, const Tensors& expected, double tolerance) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(values[i].sizes(), expected[i].sizes());
    EXPECT_TRUE(torch::allclose(values[i], expected[i], tolerance, tolerance)) << "tensor " << i;
  }
}

TEST(DenseOfShared, IsWxPlusBWithItsGradients) {
  for (const std::int64_t features : {1, 4, 5, 64, 67}) {
    const DenseInputs inputs(features);
    expect_close(differentiate(inputs), expected_of(inputs), 1e-12);
  }
}

TEST(DenseOfShared, NeedsNoGradientOfThePoints) {
  const DenseInputs inputs(5);
  auto bias = inputs.bias.clone().requires_grad_();

  const auto values = dense_of_shared(inputs.weight, bias, inputs.points);

  const auto gradients = torch::autograd::grad({values}, {bias}, {inputs.outer});
  EXPECT_TRUE(torch::allclose(gradients[0], inputs.outer.sum(2), 1e-12, 1e-12));
}

TEST(DenseOfShared, LeavesATrialThatDivergedToItself) {
  const DenseInputs inputs(5);
  const auto before = dense_of_shared(inputs.weight, inputs.bias, inputs.points);
  inputs.weight[1].fill_(std::numeric_limits<double>::infinity());
  inputs.bias[1].fill_(std::numeric_limits<double>::quiet_NaN());

  const auto after = dense_of_shared(inputs.weight, inputs.bias, inputs.points);

  EXPECT_TRUE(after[1].isnan().all().item<bool>());
  EXPECT_TRUE(after[0].equal(before[0]));
  EXPECT_TRUE(after[2].equal(before[2]));
}

/// differentiate() as a network in bfloat16 would have it.
Tensors differentiate_in_bf16(DenseInputs inputs) {
  inputs.points = as_factors(inputs.points, Precision::bf16);
  const AutocastGuard autocast(Precision::bf16, torch::kCPU);
  return differentiate(inputs);
}

TEST(DenseOfShared, RoundsInBfloat16LikeAnyProduct) {
  constexpr double kError = 3 * 0x1p-8;  // of two factors and the result
  const DenseInputs inputs(12, torch::kFloat);

  const auto tensors = differentiate_in_bf16(inputs);

  const auto exact = expected_of(inputs);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto error = (tensors[i].to(torch::kFloat) - exact[i]).norm() / exact[i].norm();
    EXPECT_LT(error.item<double>(), kError) << "tensor " << i;
  }
  EXPECT_EQ(tensors[0].scalar_type(), torch::kBFloat16);
  EXPECT_EQ(tensors[1].scalar_type(), torch::kFloat);  // like the weight
  EXPECT_EQ(tensors[2].scalar_type(), torch::kFloat);
  EXPECT_EQ(tensors[3].scalar_type(), torch::kBFloat16);
}

}  // namespace
}  // namespace trainer
