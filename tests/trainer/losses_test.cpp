#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "trainer/losses/hard.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/losses/lvml.hpp"
#include "trainer/losses/soft.hpp"

namespace trainer {
namespace {

using torch::Tensor;

/// A classifier whose logits are the features themselves.
Tensor identity(const Tensor& points) {
  return points;
}

/// Shapes: scores [T, m, B], segments [1, d, m, B]
Pass make_pass(const Tensor& scores, const Tensor& segments, const Tensor& labels,
               const Pass::Classifier& classify = identity) {
  return {scores, segments, labels, labels.size(0), classify};
}

/// The worked example of the three losses: m = 3, C = 2, one input with label 0, g(v) = v.
struct WorkedExample {
  Tensor scores = torch::tensor({0.2, -0.1, 0.5}, torch::kDouble).view({1, 3, 1}).requires_grad_();
  Tensor segments =
      torch::tensor({1.0, 0.0, -0.5, 0.0, 0.0, 0.5}, torch::kDouble).view({1, 2, 3, 1});
  Tensor labels = torch::tensor({0}, torch::kLong);

  Pass pass() const { return make_pass(scores, segments, labels); }
};

/// Random inputs for T = 3 trials with a linear classifier of their own each.
struct RandomInputs {
  Tensor scores = torch::randn({3, 5, 4}, torch::kDouble).requires_grad_();  // [T, m, B]
  Tensor segments = torch::randn({1, 6, 5, 4}, torch::kDouble);              // [1, d, m, B]
  Tensor labels = torch::randint(7, {4}, torch::kLong);                      // [B]
  Tensor weight = torch::randn({3, 7, 6}, torch::kDouble).requires_grad_();  // [T, C, d]

  Pass pass() const { return pass_of(scores, weight); }
  Pass pass_of(const Tensor& some_scores, const Tensor& some_weight) const {
    return make_pass(some_scores, segments, labels, [some_weight](const Tensor& points) {
      return torch::bmm(some_weight, points.expand({some_weight.size(0), -1, -1}));
    });
  }
};

Tensor gradient(const Tensor& loss, const Tensor& of) {
  return torch::autograd::grad({loss.sum()}, {of})[0];
}

double central_difference(const std::function<double()>& value, double* at) {
  constexpr double kStep = 1e-5;
  const double middle = *at;
  *at = middle + kStep;
  const double right = value();
  *at = middle - kStep;
  const double left = value();
  *at = middle;
  return (right - left) / (2 * kStep);
}

double max_difference(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>();
}

class EveryLoss : public testing::TestWithParam<Loss> {
 protected:
  void SetUp() override { at::manual_seed(7); }
  Tensor value(Pass pass) const { return GetParam().value(pass); }
};

INSTANTIATE_TEST_SUITE_P(Losses, EveryLoss, testing::ValuesIn(losses()),
                         [](const auto& loss) { return loss.param.choice.name; });

TEST_P(EveryLoss, OfAPackEqualsThoseOfItsTrials) {
  const RandomInputs inputs;

  const auto pack = value(inputs.pass());

  ASSERT_EQ(pack.sizes(), torch::IntArrayRef({3}));
  for (int t = 0; t < 3; ++t) {
    const auto alone =
        value(inputs.pass_of(inputs.scores.narrow(/*dim=*/0, t, 1), inputs.weight.narrow(0, t, 1)));
    EXPECT_NEAR(pack[t].item<double>(), alone[0].item<double>(), 1e-14) << "trial " << t;
  }
}

TEST_P(EveryLoss, HasTheGradientOfItsFiniteDifferences) {
  const RandomInputs inputs;
  const auto total = [&] {
    const torch::NoGradGuard no_grad;
    return value(inputs.pass()).sum().item<double>();
  };

  for (const auto& of : {inputs.scores, inputs.weight}) {
    const auto exact = gradient(value(inputs.pass()), of).flatten();
    auto* data = of.data_ptr<double>();
    for (std::int64_t i = 0; i < of.numel(); ++i) {
      EXPECT_NEAR(exact[i].item<double>(), central_difference(total, data + i), 1e-8);
    }
  }
}

TEST_P(EveryLoss, IsTheCrossEntropyOfTheOnlySegmentAttended) {
  RandomInputs inputs;
  inputs.scores = torch::zeros({3, 5, 4}, torch::kDouble);
  inputs.scores.select(/*dim=*/1, 2).fill_(1e6);

  const auto loss = value(inputs.pass());

  const auto logits = torch::matmul(inputs.weight, inputs.segments[0].select(1, 2));  // [T, C, B]
  const auto log_p = logits - logits.exp().sum(1, /*keepdim=*/true).log();
  for (int t = 0; t < 3; ++t) {
    double expected = 0;
    for (int b = 0; b < 4; ++b)
      expected -= log_p[t][inputs.labels[b]][b].item<double>() / 4;
    EXPECT_NEAR(loss[t].item<double>(), expected, 1e-12);
  }
}

TEST_P(EveryLoss, DoesNotCountBlankInputs) {
  const RandomInputs inputs;
  auto pass = inputs.pass();
  const auto padded_segments = torch::constant_pad_nd(inputs.segments, {0, 12});
  const auto padded_scores = torch::constant_pad_nd(inputs.scores, {0, 12});
  const auto padded_labels = torch::constant_pad_nd(inputs.labels, {0, 12});
  const auto weight = inputs.weight;

  Pass padded(padded_scores, padded_segments, padded_labels, /*num_inputs=*/4,
              [weight](const Tensor& x) { return torch::matmul(weight, x); });

  EXPECT_LT(max_difference(value(std::move(padded)), value(pass)), 1e-14);
}

TEST_P(EveryLoss, StaysFiniteInSinglePrecisionAtExtremeScores) {
  const auto scores =
      torch::tensor({1e4, 0.0, -1e4}, torch::kFloat).view({1, 3, 1}).requires_grad_();
  const auto segments =
      torch::tensor({-1e4, 0.0, 1e4, 0.0, 0.0, 0.0}, torch::kFloat).view({1, 2, 3, 1});

  const auto loss = value(make_pass(scores, segments, torch::tensor({0}, torch::kLong)));

  EXPECT_TRUE(loss.isfinite().all().item<bool>());
  EXPECT_TRUE(gradient(loss, scores).isfinite().all().item<bool>());
}

// Expected values: the tables for the worked example in the losses' source.
TEST(SoftLoss, HasTheValueAndGradientOfTheWorkedExample) {
  const WorkedExample example;
  auto pass = example.pass();

  const auto loss = soft_loss(pass);

  EXPECT_NEAR(loss[0].item<double>(), 0.751347, 1e-6);
  const auto expected = torch::tensor({-0.190272, -0.014334, 0.204605}, torch::kDouble);
  EXPECT_LT(max_difference(gradient(loss, example.scores).flatten(), expected), 1e-6);
}

TEST(HardLoss, HasTheValueAndGradientOfTheWorkedExample) {
  const WorkedExample example;
  auto pass = example.pass();

  const auto loss = hard_loss(pass);

  EXPECT_NEAR(loss[0].item<double>(), 0.841070, 1e-6);
  const auto expected = torch::tensor({-0.170774, -0.035456, 0.206231}, torch::kDouble);
  EXPECT_LT(max_difference(gradient(loss, example.scores).flatten(), expected), 1e-6);
}

TEST(LvmlLoss, HasTheValueAndGradientOfTheWorkedExample) {
  const WorkedExample example;
  auto pass = example.pass();

  const auto loss = lvml_loss(pass);

  EXPECT_NEAR(loss[0].item<double>(), 0.746876, 1e-6);
  const auto expected = torch::tensor({-0.175633, -0.013231, 0.188863}, torch::kDouble);
  EXPECT_LT(max_difference(gradient(loss, example.scores).flatten(), expected), 1e-6);
}

// By hand: log sum_j a_j p_j = log(exp(-1e4) + exp(-1e4) / 2) = -1e4 + log(1.5).
TEST(LvmlLoss, IsExactWhereProbabilitiesUnderflow) {
  const auto scores =
      torch::tensor({1e4, 0.0, -1e4}, torch::kDouble).view({1, 3, 1}).requires_grad_();
  const auto segments =
      torch::tensor({-1e4, 0.0, 1e4, 0.0, 0.0, 0.0}, torch::kDouble).view({1, 2, 3, 1});
  auto pass = make_pass(scores, segments, torch::tensor({0}, torch::kLong));

  const auto loss = lvml_loss(pass);

  EXPECT_NEAR(loss[0].item<double>(), 1e4 - std::log(1.5), 1e-6);
  EXPECT_NEAR(loss[0].item<double>(), 9999.594534892, 1e-6);
  EXPECT_TRUE(gradient(loss, scores).isfinite().all().item<bool>());
}

// By the definition of softmax, from the tables for the worked example.
TEST(WorkedExample, HasTheAttentionAndProbabilitiesOfItsTable) {
  auto pass = WorkedExample().pass();
  const auto attention = torch::tensor({0.323554, 0.239694, 0.436752}, torch::kDouble);
  const auto probabilities = torch::tensor({0.731059, 0.5, 0.268941}, torch::kDouble);

  const auto p = pass.of_labels(pass.segment_log_probabilities()).exp();

  EXPECT_LT(max_difference(pass.attention().flatten(), attention), 1e-6);
  EXPECT_LT(max_difference(p.flatten(), probabilities), 1e-6);
}

/// The gradients with respect to the scores by their formulas, for the mean over B inputs, from
/// plain softmax and matrix products.  Shapes: [T, m, B]
struct ScoreGradients {
  Tensor soft;  // a_k <dl/dv, x_k - v>, v the blend and l its cross-entropy
  Tensor hard;  // a_k (l_k - sum_j a_j l_j)
  Tensor lvml;  // a_k - a_k p_k / sum_j a_j p_j
};

/// Shapes: weight [T, C, d], scores and inputs as those of a Pass
ScoreGradients gradients_by_formula(const Tensor& scores, const Tensor& segments,
                                    const Tensor& labels, const Tensor& weight) {
  const auto B = static_cast<double>(labels.size(0));
  const auto is_label = torch::one_hot(labels, weight.size(1)).t().to(torch::kDouble);  // [C, B]
  const auto a = scores.exp() / scores.exp().sum(1, true);
  const auto e = torch::einsum("tcd,dmb->tcmb", {weight, segments[0]}).exp();
  const auto p = (e / e.sum(1, true) * is_label.unsqueeze(1)).sum(1);  // [T, m, B]
  const auto l = -p.log();
  const auto v = torch::einsum("tmb,dmb->tdb", {a, segments[0]});
  const auto e_v = torch::matmul(weight, v).exp();
  const auto dl_dv = torch::matmul(weight.transpose(1, 2), e_v / e_v.sum(1, true) - is_label);
  const auto x_minus_v = segments - v.unsqueeze(2);  // [T, d, m, B]
  return {.soft = a * (dl_dv.unsqueeze(2) * x_minus_v).sum(1) / B,
          .hard = a * (l - (a * l).sum(1, true)) / B,
          .lvml = (a - a * p / (a * p).sum(1, true)) / B};
}

double relative_difference(const Tensor& a, const Tensor& b) {
  return max_difference(a, b) / b.abs().max().item<double>();
}

void expect_gradients_of_the_formulas(const std::function<Pass()>& make_pass, const Tensor& scores,
                                      const ScoreGradients& expected) {
  auto soft = make_pass();
  auto hard = make_pass();
  auto lvml = make_pass();
  EXPECT_LT(relative_difference(gradient(soft_loss(soft), scores), expected.soft), 1e-12);
  EXPECT_LT(relative_difference(gradient(hard_loss(hard), scores), expected.hard), 1e-12);
  EXPECT_LT(relative_difference(gradient(lvml_loss(lvml), scores), expected.lvml), 1e-12);
}

TEST(SoftHardAndLvmlLoss, HaveTheGradientsOfTheirFormulasInTheWorkedExample) {
  const WorkedExample example;

  expect_gradients_of_the_formulas(
      [&] { return example.pass(); }, example.scores,
      gradients_by_formula(example.scores.detach(), example.segments, example.labels,
                           torch::eye(2, torch::kDouble).unsqueeze(0)));
}

TEST(SoftHardAndLvmlLoss, HaveTheGradientsOfTheirFormulasForRandomInputs) {
  const RandomInputs inputs;

  expect_gradients_of_the_formulas([&] { return inputs.pass(); }, inputs.scores,
                                   gradients_by_formula(inputs.scores.detach(), inputs.segments,
                                                        inputs.labels, inputs.weight.detach()));
}

// Jensen: the gap is the divergence of a from the posterior q_j = a_j p_j / sum_i a_i p_i. Scores
// and logits are N(0, 9), an input has m = 2 .. 20 segments and C = 2 .. 50 classes.
TEST(HardAndLvmlLoss, DifferByTheDivergenceFromThePosterior) {
  at::manual_seed(11);
  for (std::int64_t input = 0; input < 1000; ++input) {
    const auto m = 2 + input % 19;
    const auto C = 2 + input % 49;
    const auto scores = 3 * torch::randn({m}, torch::kDouble);
    const auto logits = 3 * torch::randn({C, m}, torch::kDouble);
    auto pass = make_pass(scores.view({1, m, 1}), logits.view({1, C, m, 1}),
                          torch::tensor({input % C}, torch::kLong));
    const auto a = scores.exp() / scores.exp().sum();
    const auto p = logits.exp()[input % C] / logits.exp().sum(0);
    const auto q = a * p / (a * p).sum();
    const auto divergence = (a * (a / q).log()).sum().item<double>();

    const auto hard = hard_loss(pass).item<double>();
    const auto lvml = lvml_loss(pass).item<double>();

    ASSERT_LE(lvml, hard + 1e-12) << "input " << input;
    ASSERT_NEAR(hard - lvml, divergence, 1e-10) << "input " << input;
  }
}

TEST(Pass, RefusesShapesThatDoNotMatch) {
  const auto scores = torch::zeros({2, 3, 4});
  const auto labels = torch::zeros({4}, torch::kLong);

  EXPECT_THROW(make_pass(scores, torch::zeros({1, 6, 3, 5}), labels), c10::Error);
  EXPECT_THROW(make_pass(scores, torch::zeros({1, 6, 2, 4}), labels), c10::Error);
  EXPECT_THROW(make_pass(scores, torch::zeros({1, 6, 3, 4}), torch::zeros({3}, torch::kLong)),
               c10::Error);
  EXPECT_THROW(Pass(scores, torch::zeros({1, 6, 3, 4}), labels, /*num_inputs=*/5, identity),
               c10::Error);
}

}  // namespace
}  // namespace trainer
