#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/loss_inputs.hpp"
#include "trainer/losses/hard.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/losses/lvml.hpp"
#include "trainer/losses/lvml_em.hpp"
#include "trainer/losses/lvml_logits.hpp"
#include "trainer/losses/soft.hpp"
#include "trainer/metrics.hpp"

namespace trainer {
namespace {

using torch::Tensor;

/// The worked example of the three losses: m = 3, C = 2, one input with label 0, g(v) = v.
struct WorkedExample {
  Tensor scores = torch::tensor({0.2, -0.1, 0.5}, torch::kDouble).view({1, 3, 1}).requires_grad_();
  Tensor segments =
      torch::tensor({1.0, 0.0, -0.5, 0.0, 0.0, 0.5}, torch::kDouble).view({1, 2, 3, 1});
  Tensor labels = torch::tensor({0}, torch::kLong);

  Pass pass() const { return make_pass(scores, segments, labels); }
};

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

/// Four inputs of 5, 2, 1 and 3 segments out of five, as a pack sees them and one by one.
struct ShortInputs : RandomInputs {
  std::vector<std::int64_t> lengths = {5, 2, 1, 3};
  Tensor absent = torch::arange(5).unsqueeze(1) >= torch::tensor(lengths, torch::kLong);  // [m, B]

  ShortInputs() { segments.requires_grad_(); }
  Pass pass() const { return {scores, segments, labels, 4, classify(), absent}; }
  Pass pass_of_input(std::int64_t b) const {
    const auto m = lengths[static_cast<std::size_t>(b)];
    return {scores.narrow(1, 0, m).narrow(2, b, 1), segments.narrow(2, 0, m).narrow(3, b, 1),
            labels.narrow(0, b, 1), 1, classify()};
  }
  Pass::Classifier classify() const {
    return [this](const Tensor& points) { return torch::bmm(weight, points.expand({3, -1, -1})); };
  }
};

/// What a step descends, whose gradient counts; drawn segments are the same in every call.
Tensor objective_of(const Loss& loss, Pass pass, Tensor& memory) {
  const Step step = {
      .moment = {.seeds = torch::arange(3), .step = torch::tensor(step_number(1, 0))},
      .memory = memory};
  return objective_of(loss, pass, step);
}

Loss with_defaults(const Loss& loss) {
  nlohmann::json settings = {{"name", loss.choice.name}};
  for (const auto& setting : loss.choice.settings)
    settings[setting.key] = setting.declaration.default_value;
  return make_loss(settings);
}

TEST_P(EveryLoss, OfShortInputsIsThatOfInputsWithoutAbsentSegments) {
  const ShortInputs inputs;
  auto expected = torch::zeros({3}, torch::kDouble);
  for (std::int64_t b = 0; b < 4; ++b)
    expected = expected + value(inputs.pass_of_input(b)) / 4;

  const auto loss = value(inputs.pass());

  EXPECT_LT(max_difference(loss, expected), 1e-13);
  const std::vector<Tensor> leaves = {inputs.scores, inputs.segments, inputs.weight};
  const auto gradients = torch::autograd::grad({loss.sum()}, leaves);
  const auto expected_gradients = torch::autograd::grad({expected.sum()}, leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i)
    EXPECT_LT(max_difference(gradients[i], expected_gradients[i]), 1e-13);
}

TEST_P(EveryLoss, GivesNoGradientAtAllToAbsentSegments) {
  const ShortInputs inputs;
  auto memory = torch::zeros({3}, torch::kDouble);
  const auto objective = objective_of(with_defaults(GetParam()), inputs.pass(), memory);

  const auto gradients =
      torch::autograd::grad({objective.sum()}, {inputs.scores, inputs.segments, inputs.weight});

  for (const auto& each : gradients)
    EXPECT_TRUE(each.isfinite().all().item<bool>());
  const auto of_scores = gradients[0].masked_select(inputs.absent);
  const auto of_segments = gradients[1].masked_select(inputs.absent);
  EXPECT_EQ(of_scores.count_nonzero().item<std::int64_t>(), 0);
  EXPECT_EQ(of_segments.count_nonzero().item<std::int64_t>(), 0);
  EXPECT_GT(gradients[1].count_nonzero().item<std::int64_t>(), 0);
}

class EveryRule : public testing::TestWithParam<Rule> {};
INSTANTIATE_TEST_SUITE_P(Losses, EveryRule, testing::ValuesIn(kRules),
                         [](const auto& rule) { return to_string(rule.param); });

TEST_P(EveryRule, PredictsOfShortInputsWhatItDoesWithoutAbsentSegments) {
  at::manual_seed(7);
  const ShortInputs inputs;
  auto pass = inputs.pass();

  const auto predicted = predict(pass, GetParam());

  EXPECT_FALSE(pass.attention().masked_select(inputs.absent).any().item<bool>());
  for (std::int64_t b = 0; b < 4; ++b) {
    auto alone = inputs.pass_of_input(b);
    EXPECT_TRUE(predicted.select(1, b).equal(predict(alone, GetParam()).select(1, 0)));
    EXPECT_TRUE(pass.attended().select(1, b).equal(alone.attended().select(1, 0)));
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
  const auto log_p = pass.segment_label_log_probabilities();

  EXPECT_LT(max_difference(pass.attention().flatten(), attention), 1e-6);
  EXPECT_LT(max_difference(p.flatten(), probabilities), 1e-6);
  EXPECT_LT(max_difference(log_p.exp().flatten(), probabilities), 1e-6);
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

// With epsilon the loss of the extreme example is -log(1e-30 + 1.5 exp(-1e4)) = 30 log 10.
TEST(LvmlLoss, IsCappedByEpsilon) {
  const auto scores =
      torch::tensor({1e4, 0.0, -1e4}, torch::kDouble).view({1, 3, 1}).requires_grad_();
  const auto segments =
      torch::tensor({-1e4, 0.0, 1e4, 0.0, 0.0, 0.0}, torch::kDouble).view({1, 2, 3, 1});
  auto pass = make_pass(scores, segments, torch::tensor({0}, torch::kLong));
  const auto capped = make_loss({{"name", "lvml"}, {"epsilon", 1e-30}});

  const auto loss = capped.value(pass);

  EXPECT_NEAR(loss[0].item<double>(), 30 * std::log(10.0), 1e-9);
  EXPECT_EQ(gradient(loss, scores).abs().max().item<double>(), 0);
}

TEST(LvmlEmLoss, DescendsTheGradientOfLvmlAndShowsItsValue) {
  const RandomInputs inputs;
  auto em = inputs.pass();
  auto lvml = inputs.pass();
  const auto objective = lvml_em_objective(em);
  const auto expected = lvml_loss(lvml);

  const auto of = {inputs.scores, inputs.weight};
  const auto gradients = torch::autograd::grad({objective.sum()}, of);
  const auto expected_gradients = torch::autograd::grad({expected.sum()}, of);

  EXPECT_LT(relative_difference(gradients[0], expected_gradients[0]), 1e-12);
  EXPECT_LT(relative_difference(gradients[1], expected_gradients[1]), 1e-12);
  auto pass = inputs.pass();
  EXPECT_EQ(max_difference(lvml_em().value(pass), expected), 0);
}

// sum_j q_j (l_j - log a_j) with the a and l = -log p of the worked example's tables, by hand:
// a p = 0.236537, 0.119847, 0.117461, their sum 0.473845, q = 0.499186, 0.252925, 0.247889,
// -log(a p) = 1.441650, 2.121539, 2.141650.
TEST(LvmlEmLoss, HasTheObjectiveOfTheWorkedExample) {
  auto pass = WorkedExample().pass();

  EXPECT_NEAR(lvml_em_objective(pass)[0].item<double>(),
              0.499186 * 1.441650 + 0.252925 * 2.121539 + 0.247889 * 2.141650, 1e-5);
}

// The worked example's classifier is linear, and so the average of logits that of the blend.
TEST(LvmlLogitsLoss, IsTheSoftLossOfTheWorkedExample) {
  auto pass = WorkedExample().pass();

  EXPECT_NEAR(lvml_logits_loss(pass)[0].item<double>(), 0.751347, 1e-6);
}

TEST(LvmlLogitsLoss, IsTheCrossEntropyOfTheAveragedLogits) {
  RandomInputs inputs;
  const auto logits = torch::einsum("tcd,dmb->tcmb", {inputs.weight, inputs.segments[0]}).tanh();
  const auto averaged = (torch::softmax(inputs.scores, 1).unsqueeze(1) * logits).sum(2).exp();
  const auto p = averaged / averaged.sum(1, true);  // [T, C, B]
  auto pass = make_pass(inputs.scores, inputs.segments, inputs.labels, [&](const Tensor& points) {
    return torch::matmul(inputs.weight, points).tanh();
  });

  const auto loss = lvml_logits_loss(pass);

  const auto is_label = torch::one_hot(inputs.labels, 7).t();  // [C, B]
  EXPECT_LT(max_difference(loss, -(p * is_label).sum(1).log().mean(1)), 1e-12);
}

TEST(Pass, ClassifiesTheSegmentsAskedForAlone) {
  const RandomInputs inputs;
  auto pass = inputs.pass();
  const auto index = torch::tensor({0, 1, 2, 3, 4, 4, 0, 0, 3, 2, 1, 0}, torch::kLong).view({3, 4});

  const auto some = pass.label_log_probabilities_of(index);  // [T, B]

  const auto all = pass.of_labels(pass.segment_log_probabilities());  // [T, m, B]
  for (std::int64_t t = 0; t < 3; ++t) {
    for (std::int64_t b = 0; b < 4; ++b) {
      const auto expected = all[t][index[t][b].item<std::int64_t>()][b];
      EXPECT_LT(max_difference(some[t][b], expected), 1e-12);
    }
  }
}

TEST(Pass, HasAtTheLabelsWhatItHasOfEachClass) {
  const RandomInputs inputs;
  auto pass = inputs.pass();

  const auto of_segments = pass.of_labels(pass.segment_log_probabilities());
  const auto of_blends = pass.of_labels(pass.blend_log_probabilities());

  EXPECT_LT(max_difference(pass.segment_label_log_probabilities(), of_segments), 1e-13);
  EXPECT_LT(max_difference(pass.blend_label_log_probabilities(), of_blends), 1e-13);
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
