#include "trainer/losses/log_sum_exp.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "trainer/losses/pass.hpp"

namespace trainer {
namespace {

using torch::Tensor;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double max_difference(const Tensor& a, const Tensor& b) {
  return (a.to(torch::kDouble) - b.to(torch::kDouble)).abs().max().item<double>();
}

/// Columns that fill vectors and parts of them, and more than the kernel takes at a time.
std::vector<std::vector<std::int64_t>> shapes() {
  return {{1, 1, 1}, {2, 3, 5}, {3, 10, 16}, {1, 4, 1037}, {2, 10, 9, 208}, {3, 2, 3, 7}};
}

/// By the definition, in double. Values are small enough for it.
Tensor by_definition(const Tensor& values) {
  return values.to(torch::kDouble).exp().sum(1).log();
}

/// Shapes: logits [T, C, B] or [T, C, m, B]
Tensor draw_labels(const Tensor& logits) {
  return torch::randint(logits.size(1), {logits.size(-1)}, torch::kLong);
}

/// By the definition of softmax, with the labels one-hot.
Tensor label_log_probabilities_by_definition(const Tensor& logits, const Tensor& labels) {
  auto is_label = torch::one_hot(labels, logits.size(1)).t();  // [C, B]
  if (logits.dim() == 4) is_label = is_label.unsqueeze(1);
  const auto p = logits.to(torch::kDouble).exp() / logits.to(torch::kDouble).exp().sum(1, true);
  return (p * is_label).sum(1).log();
}

TEST(LogSumExp, IsTheLogarithmOfTheSumOfExponentials) {
  torch::manual_seed(1);
  for (const auto& shape : shapes()) {
    const auto values = 4 * torch::randn(shape, torch::kDouble);
    const auto expected = by_definition(values);

    EXPECT_LT(max_difference(log_sum_exp(values), expected), 1e-13) << shape;
    EXPECT_LT(max_difference(log_sum_exp(values.to(torch::kFloat)), expected), 2e-6) << shape;
  }
}

TEST(LogSumExp, LosesNothingOfLargeAndSmallValues) {
  for (const double shift : {-3e4, -120.0, 0.0, 120.0, 3e4}) {
    const auto values = torch::tensor({shift, shift + std::log(3.0), -kInfinity}).view({1, 3, 1});

    const auto sum = log_sum_exp(values.to(torch::kFloat)).item<double>();

    EXPECT_NEAR(sum, shift + std::log(4.0), 1e-7 * std::abs(shift) + 1e-6);
  }
}

// Single precision has no bits for the exponents of less than exp(-87.7). What is below adds
// nothing, and gets no gradient.
TEST(LogSumExp, TakesExponentialsFromOneToZero) {
  const auto x = torch::linspace(0, -86.9, 4001, torch::kFloat);
  const auto values = torch::stack({torch::zeros_like(x), x}).unsqueeze(0).requires_grad_();

  const auto gradient = torch::autograd::grad({log_sum_exp(values).sum()}, {values})[0][0][1];

  const auto e = x.to(torch::kDouble).exp();
  const auto expected = e / (1 + e);
  EXPECT_LT(((gradient.to(torch::kDouble) - expected) / expected).abs().max().item<double>(), 6e-7);

  for (const double far : {-88.1, -1e30, -kInfinity}) {
    const auto pair = torch::tensor({0.0, far}).to(torch::kFloat).view({1, 2, 1}).requires_grad_();
    const auto sum = log_sum_exp(pair);
    EXPECT_EQ(sum.item<float>(), 0);
    EXPECT_EQ(torch::autograd::grad({sum.sum()}, {pair})[0][0][1].item<float>(), 0);
  }
}

TEST(LogSumExp, HasSoftmaxAsItsGradient) {
  torch::manual_seed(2);
  for (const auto& shape : shapes()) {
    const auto values = (4 * torch::randn(shape, torch::kDouble)).requires_grad_();
    const auto factors = torch::randn_like(by_definition(values.detach()));

    const auto gradient =
        torch::autograd::grad({(factors * log_sum_exp(values)).sum()}, {values})[0];

    const auto e = values.detach().exp();
    EXPECT_LT(max_difference(gradient, factors.unsqueeze(1) * e / e.sum(1, true)), 1e-13) << shape;
  }
}

TEST(LogSumExp, IsNotANumberWhereAValueIsNone) {
  const auto nan = std::nan("");
  const auto values = torch::tensor({0.0, nan, 1.0, 0.0, 1.0, nan}).view({1, 2, 3});

  const auto sums = log_sum_exp(values.to(torch::kFloat)).flatten();

  EXPECT_NEAR(sums[0].item<double>(), std::log(2.0), 1e-6);
  EXPECT_TRUE(std::isnan(sums[1].item<double>()));
  EXPECT_TRUE(std::isnan(sums[2].item<double>()));
}

TEST(LogSumExp, RoundsAlikeInAPackAndAlone) {
  torch::manual_seed(3);
  const auto values = torch::randn({5, 10, 9, 208});

  const auto sums = log_sum_exp(values);

  for (std::int64_t t = 0; t < 5; ++t)
    EXPECT_TRUE(log_sum_exp(values.narrow(0, t, 1))[0].equal(sums[t]));
}

// By hand: d a_r / d x_s = a_r ([r = s] - a_s).
TEST(Softmax, IsItsFormulaAndHasItsGradient) {
  torch::manual_seed(7);
  for (const auto& shape : shapes()) {
    const auto values = (4 * torch::randn(shape, torch::kDouble)).requires_grad_();
    const auto factors = torch::randn(shape, torch::kDouble);
    const auto e = values.detach().exp();
    const auto expected = e / e.sum(1, true);

    const auto shares = softmax(values);
    const auto gradient = torch::autograd::grad({(factors * shares).sum()}, {values})[0];

    EXPECT_LT(max_difference(shares, expected), 1e-15) << shape;
    EXPECT_LT(max_difference(softmax(values.detach().to(torch::kFloat)), expected), 2e-6) << shape;
    const auto mean = (factors * expected).sum(1, true);
    EXPECT_LT(max_difference(gradient, expected * (factors - mean)), 1e-14) << shape;
  }
}

TEST(Softmax, GivesNothingToWhatIsInfinitelyLow) {
  const auto values = torch::tensor({-kInfinity, 3.0, 3.0}).to(torch::kFloat).view({1, 3, 1});

  EXPECT_TRUE(softmax(values).flatten().equal(torch::tensor({0.F, 0.5F, 0.5F})));
  EXPECT_THROW(softmax(torch::zeros({4})), c10::Error);
}

TEST(FirstLargest, IsWhereLibTorchFindsTheLargest) {
  torch::manual_seed(8);
  for (const auto& shape :
       std::vector<std::vector<std::int64_t>>{{1, 1, 1}, {3, 10, 16}, {2, 7, 1037}}) {
    const auto values = torch::randn(shape);  // hardly ever two alike

    const auto expected = values.argmax(1);

    EXPECT_TRUE(first_largest(values).equal(expected)) << shape;
    EXPECT_TRUE(first_largest(values.to(torch::kDouble)).equal(expected)) << shape;
    EXPECT_TRUE(first_largest(values.transpose(0, 2).contiguous().transpose(0, 2)).equal(expected));
  }
}

TEST(FirstLargest, IsTheFirstAmongEqualsAndTheFirstThatIsNoNumber) {
  const auto nan = std::nan("");
  const auto values = torch::tensor({1.0, 0.0, -1.0, nan, -kInfinity,  //
                                     2.0, nan, -1.0, 1.0, -kInfinity,  //
                                     2.0, 5.0, -1.0, nan, 0.0})
                          .view({1, 3, 5});

  const auto expected = torch::tensor({1, 1, 0, 0, 2}, torch::kLong);
  EXPECT_TRUE(first_largest(values)[0].equal(expected));
  EXPECT_TRUE(first_largest(values.to(torch::kHalf))[0].equal(expected)) << "without the kernel";
  EXPECT_THROW(first_largest(torch::zeros({2, 3})), c10::Error);
}

TEST(LabelLogProbabilities, AreTheLogarithmsOfSoftmaxAtTheLabels) {
  torch::manual_seed(4);
  for (const auto& shape : shapes()) {
    const auto logits = 3 * torch::randn(shape, torch::kDouble);
    const auto labels = draw_labels(logits);
    const auto expected = label_log_probabilities_by_definition(logits, labels);

    EXPECT_LT(max_difference(label_log_probabilities(logits, labels), expected), 1e-13) << shape;
    const auto single = label_log_probabilities(logits.to(torch::kFloat), labels);
    EXPECT_LT(max_difference(single, expected), 4e-6) << shape;
  }
}

// By hand: d log softmax(l)_y / d l_c = [c = y] - softmax(l)_c.
TEST(LabelLogProbabilities, HaveTheirFormulaAsGradient) {
  torch::manual_seed(5);
  for (const auto& shape : shapes()) {
    const auto logits = (3 * torch::randn(shape, torch::kDouble)).requires_grad_();
    const auto labels = draw_labels(logits);
    const auto log_p = label_log_probabilities(logits, labels);
    const auto factors = torch::randn_like(log_p);

    const auto gradient = torch::autograd::grad({(factors * log_p).sum()}, {logits})[0];

    auto is_label = torch::one_hot(labels, logits.size(1)).t();  // [C, B]
    if (logits.dim() == 4) is_label = is_label.unsqueeze(1);
    const auto e = logits.detach().exp();
    const auto expected = factors.unsqueeze(1) * (is_label - e / e.sum(1, true));
    EXPECT_LT(max_difference(gradient, expected), 1e-13) << shape;
  }
}

/// Of two classes of which the label's logit is `above` more than the other.
Tensor pair_of_logits(double logit, double above) {
  return torch::tensor({logit, logit - above}).to(torch::kFloat).view({1, 2, 1});
}

// -log(1 + exp(-d)) for logits that are d apart, however large: to seven digits of the result.
TEST(LabelLogProbabilities, LoseNoDigitsToLargeLogits) {
  const auto label = torch::zeros({1}, torch::kLong);
  for (const auto& [logit, above] : std::vector<std::pair<double, double>>{
           {12, 12}, {100, 10}, {1000, 10}, {-1000, 10}, {65536, 1}, {1e8, 0}}) {
    const auto logits = pair_of_logits(logit, above).requires_grad_();

    const auto log_p = label_log_probabilities(logits, label);
    const auto gradient = torch::autograd::grad({log_p.sum()}, {logits})[0].flatten();

    // The sum 1 + exp(-d) itself is rounded, by up to 6e-8.
    EXPECT_NEAR(log_p.item<double>(), -std::log1p(std::exp(-above)), 1.2e-7) << logit;
    const auto p_of_other = 1 / (1 + std::exp(above));
    EXPECT_NEAR(gradient[0].item<double>(), p_of_other, 1.2e-7) << logit;
    EXPECT_NEAR(gradient[1].item<double>(), -p_of_other, 1.2e-7) << logit;
  }
}

TEST(LabelLogProbabilities, TakeLogitsInAnyLayout) {
  torch::manual_seed(6);
  const auto logits = torch::randn({2, 7, 3, 4}, torch::kDouble).permute({0, 3, 2, 1});
  const auto labels = draw_labels(logits);

  EXPECT_LT(max_difference(label_log_probabilities(logits, labels),
                           label_log_probabilities_by_definition(logits, labels)),
            1e-13);
}

TEST(LabelLogProbabilities, RefuseWhatDoesNotMatch) {
  const auto logits = torch::zeros({2, 3, 4});

  EXPECT_THROW(label_log_probabilities(logits, torch::zeros({5}, torch::kLong)), c10::Error);
  EXPECT_THROW(label_log_probabilities(logits, torch::zeros({4})), c10::Error);
  EXPECT_THROW(label_log_probabilities(logits[0], torch::zeros({4}, torch::kLong)), c10::Error);
  EXPECT_THROW(label_log_probabilities(logits, torch::full({4}, 3, torch::kLong)), c10::Error);
  EXPECT_THROW(label_log_probabilities(logits, torch::full({4}, -1, torch::kLong)), c10::Error);
  EXPECT_THROW(log_sum_exp(torch::zeros({4})), c10::Error);
}

}  // namespace
}  // namespace trainer
