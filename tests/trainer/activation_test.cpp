#include "trainer/models/activation.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace trainer {
namespace {

constexpr std::int64_t kOdd = 37;  // no multiple of a vector

torch::Tensor reference(const torch::Tensor& sums, const torch::Tensor& bias,
                        Activation activation) {
  const auto x = sums + bias.unsqueeze(-1);
  return activation == Activation::tanh ? x.tanh() : x.relu();
}

/// tanh of each value, one product at a time.
std::vector<float> tanh_of(const std::vector<float>& values) {
  const auto size = static_cast<std::int64_t>(values.size());
  const auto out =
      activate(torch::tensor(values).view({1, 1, size}), torch::zeros({1, 1}), Activation::tanh);
  const auto* begin = out.const_data_ptr<float>();
  return {begin, begin + size};
}

TEST(Activation, OfTanhIsItsValueToSinglePrecision) {
  std::vector<float> arguments;
  for (double x = 1e-6; x < 12; x += 1e-4)
    arguments.push_back(static_cast<float>(x));
  const auto values = tanh_of(arguments);

  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = std::tanh(static_cast<double>(arguments[i]));
    ASSERT_NEAR(values[i] / expected, 1, 5e-7) << arguments[i];
    ASSERT_LE(values[i], 1);
  }
}

TEST(Activation, OfTanhIsOdd) {
  for (const float x : {1e-30F, 1e-3F, 0.5F, 3.F, 8.999F, 50.F}) {
    const auto values = tanh_of({x, -x});
    EXPECT_EQ(values[0], -values[1]) << x;
  }
  EXPECT_EQ(tanh_of({0})[0], 0);
}

TEST(Activation, LeavesWhatIsNotANumber) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto values = tanh_of({std::nanf(""), kInfinity, -kInfinity});
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], 1);
  EXPECT_EQ(values[2], -1);

  const auto relu =
      activate(torch::full({1, 1, kOdd}, std::nan("")), torch::zeros({1, 1}), Activation::relu);
  EXPECT_TRUE(relu.isnan().all().item<bool>());
}

class EachActivation : public testing::TestWithParam<Activation> {
 protected:
  /// Compares values and gradients with those of the tensor library's own operators.
  void compare(torch::ScalarType type, double tolerance) const {
    const auto sums = torch::randn({3, 5, kOdd}, type) * 2;
    const auto bias = torch::randn({3, 5}, type);
    const auto weight = torch::randn({3, 5, kOdd}, type);
    const auto gradients_of = [&](const auto& function) {
      auto x = sums.clone().requires_grad_();
      auto b = bias.clone().requires_grad_();
      const auto value = function(x * 1, b);
      auto gradients = torch::autograd::grad({(value * weight).sum()}, {x, b});
      gradients.push_back(value.detach());
      return gradients;
    };
    const auto ours =
        gradients_of([](auto x, const auto& b) { return activate(std::move(x), b, GetParam()); });
    const auto theirs =
        gradients_of([](const auto& x, const auto& b) { return reference(x, b, GetParam()); });
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_TRUE(torch::allclose(ours[i], theirs[i], tolerance, tolerance)) << i;
    }
  }
};

TEST_P(EachActivation, HasTheGradientsOfAutogradInDouble) {
  torch::manual_seed(1);
  compare(torch::kDouble, 1e-12);
}

TEST_P(EachActivation, HasTheGradientsOfAutogradInSinglePrecision) {
  torch::manual_seed(2);
  compare(torch::kFloat, 2e-5);
}

TEST_P(EachActivation, OfATrialIsTheSameInAnyPack) {
  const auto sums = torch::randn({8, 5, kOdd});
  const auto bias = torch::randn({8, 5});
  const auto together = activate(sums.clone(), bias, GetParam());
  for (std::int64_t t = 0; t < 8; ++t) {
    const auto alone = activate(sums.narrow(0, t, 1).clone(), bias.narrow(0, t, 1), GetParam());
    EXPECT_TRUE(torch::equal(alone[0], together[t])) << t;
  }
}

INSTANTIATE_TEST_SUITE_P(Activations, EachActivation,
                         testing::Values(Activation::relu, Activation::tanh),
                         [](const auto& tested) {
                           return tested.param == Activation::tanh ? "Tanh" : "Relu";
                         });

}  // namespace
}  // namespace trainer
