#include "trainer/metrics.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

using torch::Tensor;

constexpr std::array kArgmaxOnly = {Rule::argmax};

/// A pass of one trial whose logits are the features of the segments.
Pass make_pass(const Tensor& scores, const Tensor& segments, const Tensor& labels) {
  return {scores, segments, labels, labels.size(0), [](const Tensor& points) { return points; }};
}

/// Exactly one segment of two is in the foreground.  Shapes: positions [B] -> [2, B] bool
Tensor mask_of(const std::vector<std::int64_t>& positions) {
  return torch::one_hot(torch::tensor(positions), 2).t().to(torch::kBool);
}

/// Four inputs, one for each combination of focus and prediction, in the order of the metrics.
/// The label is always 1 and in segment 0; segments are one-hot in the class they look like.
struct OneOfEach {
  // attended segment:  0 (true), 1 (false), 0 (true), 1 (false)
  Tensor scores = torch::tensor({2.0F, 0.0F, 2.0F, 0.0F, 0.0F, 2.0F, 0.0F, 2.0F}).view({1, 2, 4});
  // class of segment 0: 1 1 0 1;  class of segment 1: 0 1 0 0
  Tensor classes = torch::tensor({1, 1, 0, 1, 0, 1, 0, 0}, torch::kLong).view({2, 4});
  Tensor segments = torch::one_hot(classes, 2).to(torch::kFloat).permute({2, 0, 1}).unsqueeze(0);
  Tensor labels = torch::ones({4}, torch::kLong);
  Tensor foreground = mask_of({0, 0, 0, 0});
};

Metrics tally_once(const OneOfEach& inputs) {
  auto pass = make_pass(inputs.scores, inputs.segments, inputs.labels);
  Tally tally(/*num_trials=*/1, kArgmaxOnly, torch::kCPU);
  tally.add(pass, {torch::tensor({0.5F})}, inputs.foreground, /*loss_weight=*/4);
  return tally.read(Rule::argmax)[0];
}

TEST(Tally, CountsEachCombinationOfFocusAndPrediction) {
  const auto metrics = tally_once(OneOfEach());

  EXPECT_EQ(metrics.ftpt, 0.25);
  EXPECT_EQ(metrics.ffpt, 0.25);
  EXPECT_EQ(metrics.ftpf, 0.25);
  EXPECT_EQ(metrics.ffpf, 0.25);
  EXPECT_EQ(metrics.accuracy, 0.5);
}

// Half of the inputs weigh segment 0 with e^2 against 1, half the other way round.
TEST(Tally, AveragesTheWeightOnTheForeground) {
  EXPECT_NEAR(tally_once(OneOfEach()).focus_weight, 0.5, 1e-7);

  OneOfEach inputs;
  inputs.foreground = mask_of({0, 1, 0, 1});
  EXPECT_NEAR(tally_once(inputs).focus_weight, std::exp(2.0) / (std::exp(2.0) + 1), 1e-7);
}

TEST(Tally, WeighsTheLossOfEachBatch) {
  const OneOfEach inputs;
  auto pass = make_pass(inputs.scores, inputs.segments, inputs.labels);
  Tally tally(1, kArgmaxOnly, torch::kCPU);

  tally.add(pass, {torch::tensor({1.0F})}, inputs.foreground, /*loss_weight=*/3);
  tally.add(pass, {torch::tensor({5.0F})}, inputs.foreground, /*loss_weight=*/1);

  EXPECT_EQ(tally.read(Rule::argmax)[0].loss, 2);  // (3 * 1 + 1 * 5) / 4
}

TEST(Tally, WeighsThePullOfEachBatchAlike) {
  const OneOfEach inputs;
  auto pass = make_pass(inputs.scores, inputs.segments, inputs.labels);
  Tally tally(1, kArgmaxOnly, torch::kCPU);
  const auto loss = torch::tensor({0.5F});

  tally.add(pass, {loss, torch::tensor({0.25F})}, inputs.foreground, /*loss_weight=*/3);
  tally.add(pass, {loss, torch::tensor({0.75F})}, inputs.foreground, /*loss_weight=*/1);

  EXPECT_EQ(tally.read(Rule::argmax)[0].pull, 0.375);  // (3 * 0.25 + 1 * 0.75) / 4
}

TEST(Tally, HasNoPullWhereNoneWasMeasured) {
  EXPECT_TRUE(std::isnan(tally_once(OneOfEach()).pull));
}

TEST(Tally, DoesNotCountBlankInputs) {
  OneOfEach inputs;
  Pass pass(inputs.scores, inputs.segments, inputs.labels, /*num_inputs=*/2,
            [](const Tensor& points) { return points; });
  Tally tally(1, kArgmaxOnly, torch::kCPU);

  inputs.foreground = mask_of({0, 0, 1, 0});  // the third, a blank, would have gap -2

  tally.add(pass, {torch::tensor({0.5F})}, inputs.foreground, 2);

  const auto metrics = tally.read(Rule::argmax)[0];
  EXPECT_EQ(metrics.ftpt, 0.5);  // the first two inputs: one ftpt, one ffpt
  EXPECT_EQ(metrics.ffpt, 0.5);
  EXPECT_EQ(metrics.ftpf, 0);
  EXPECT_EQ(metrics.score_gap, 0);  // of 2 and -2
  EXPECT_NEAR(metrics.focus_weight, 0.5, 1e-7);
}

TEST(Tally, KeepsTrialsApart) {
  const auto scores = torch::eye(2).unsqueeze(-1);         // [T, m, B]: attends to 0, to 1
  const auto segments = torch::eye(2).view({1, 2, 2, 1});  // [1, d, m, B]
  Pass pass(scores, segments, torch::tensor({0}, torch::kLong), /*num_inputs=*/1,
            [](const Tensor& points) {
              return points.expand({2, -1, -1});
            });
  Tally tally(2, kArgmaxOnly, torch::kCPU);

  tally.add(pass, {torch::tensor({1.0F, 2.0F})}, mask_of({0}), 1);

  EXPECT_EQ(tally.read(Rule::argmax)[0].ftpt, 1);
  EXPECT_EQ(tally.read(Rule::argmax)[1].ffpf, 1);
  EXPECT_EQ(tally.read(Rule::argmax)[1].loss, 2);
}

/// Three segments for three inputs, weighted (.5, .25, .25), of which none, one or two are in the
/// foreground. The classifier says class 1 for all, the labels are 1, 1 and 0.
class Masks : public testing::Test {
 protected:
  Metrics tally(const Tensor& scores, const Tensor& foreground, const Tensor& absent = {}) const {
    const auto B = foreground.size(1);
    const auto segments = torch::tensor({0.0F, 1.0F}).view({1, 2, 1, 1}).expand({1, 2, 3, B});
    const auto labels = torch::tensor({1, 1, 0}, torch::kLong).slice(0, 0, B);
    Pass pass(
        scores.view({1, 3, 1}).expand({1, 3, B}), segments, labels, B,
        [](const Tensor& points) { return points; }, absent);
    Tally tally(1, kArgmaxOnly, torch::kCPU);
    tally.add(pass, {torch::tensor({0.5F})}, foreground, 3);
    return tally.read(Rule::argmax)[0];
  }

  const Tensor scores_ = torch::tensor({0.5, 0.25, 0.25}, torch::kDouble).log();
  const Tensor foreground_ = torch::tensor({0, 1, 0,  // segment 0 of inputs 0, 1, 2
                                            0, 0, 1,  // segment 1
                                            0, 0, 1},
                                           torch::kLong)  // segment 2
                                 .view({3, 3})
                                 .to(torch::kBool);
};

TEST_F(Masks, CountAnInputWithoutForegroundAsFocusFalse) {
  const auto metrics = tally(scores_, foreground_);

  EXPECT_DOUBLE_EQ(metrics.ffpt, 1.0 / 3);  // input 0
  EXPECT_DOUBLE_EQ(metrics.ftpt, 1.0 / 3);  // input 1
  EXPECT_DOUBLE_EQ(metrics.ffpf, 1.0 / 3);  // input 2: segment 0 is attended
  EXPECT_EQ(metrics.ftpf, 0);
  EXPECT_DOUBLE_EQ(metrics.focus_score, 1.0 / 3);
}

TEST_F(Masks, AddUpTheWeightsOfAllForegroundSegmentsWhereThereIsOne) {
  EXPECT_DOUBLE_EQ(tally(scores_, foreground_).focus_weight, (0.5 + (0.25 + 0.25)) / 2);
}

// Scores are logarithms of the weights: ln 2 apart, and the other way round.
TEST_F(Masks, CompareMeanScoresOfForegroundAndOtherSegments) {
  const auto only_input_1 = foreground_.slice(1, 1, 2);

  EXPECT_NEAR(tally(scores_, foreground_).score_gap, 0, 1e-15);
  EXPECT_NEAR(tally(scores_, only_input_1).score_gap, std::log(2.0), 1e-15);
}

TEST_F(Masks, LeaveAbsentSegmentsOutOfTheScoreGap) {
  const auto scores = torch::tensor({3.0, 1.0, 7.0}, torch::kDouble);
  const auto foreground = foreground_.slice(1, 1, 2);  // segment 0
  const auto absent = torch::tensor({0, 0, 1}).to(torch::kBool).unsqueeze(1);

  EXPECT_EQ(tally(scores, foreground, absent).score_gap, 3 - 1);
  EXPECT_EQ(tally(scores, foreground).score_gap, 3 - (1 + 7) / 2);
}

TEST_F(Masks, HaveNoScoreGapWhereEverySegmentIsInTheForeground) {
  const auto all = torch::ones({3, 1}, torch::kBool);

  EXPECT_TRUE(std::isnan(tally(scores_, all).score_gap));
  EXPECT_EQ(tally(scores_, torch::cat({foreground_, all}, 1).slice(1, 1, 4)).score_gap,
            tally(scores_, foreground_).score_gap);
  EXPECT_EQ(tally(scores_, all).focus_weight, 1);
}

TEST_F(Masks, HaveNoFocusWeightWhereNoInputHasAForeground) {
  const auto metrics = tally(scores_, foreground_.slice(1, 0, 1));

  EXPECT_TRUE(std::isnan(metrics.focus_weight));
  EXPECT_TRUE(std::isnan(metrics.score_gap));
  EXPECT_EQ(metrics.focus_score, 0);
  EXPECT_EQ(metrics.ffpt, 1);
}

// With a = (.4, .3, .3): segment 0 is class 0; the others together put .44 on class 1, more than
// the .29 of segment 0 on class 0; the blended logits are (4, 12, 15).
Pass three_answers(std::int64_t label) {
  const auto scores = torch::tensor({0.4, 0.3, 0.3}, torch::kDouble).log().view({1, 3, 1});
  const auto segments = torch::tensor({10.0, 0.0, 0.0,    // class 0 of segments 0, 1, 2
                                       0.0, 20.0, 20.0,   // class 1
                                       9.0, 19.0, 19.0},  // class 2
                                      torch::kDouble)
                            .view({1, 3, 3, 1});
  return make_pass(scores, segments, torch::tensor({label}, torch::kLong));
}

TEST(Predict, GivesThreeAnswersByThreeRules) {
  auto pass = three_answers(/*label=*/0);

  EXPECT_EQ(predict(pass, Rule::argmax).item<std::int64_t>(), 0);
  EXPECT_EQ(predict(pass, Rule::mixture).item<std::int64_t>(), 1);
  EXPECT_EQ(predict(pass, Rule::blend).item<std::int64_t>(), 2);
}

// Segment 0 is attended; the foreground is segment 1, so focus is false whatever is predicted.
TEST(Tally, TellsRulesApart) {
  auto pass = three_answers(/*label=*/1);
  Tally tally(1, kRules, torch::kCPU);

  tally.add(pass, {torch::tensor({0.5F})}, torch::tensor({0, 1, 0}).to(torch::kBool).unsqueeze(1),
            1);

  EXPECT_EQ(tally.read(Rule::argmax)[0].ffpf, 1);
  EXPECT_EQ(tally.read(Rule::mixture)[0].ffpt, 1);
  EXPECT_EQ(tally.read(Rule::blend)[0].ffpf, 1);
}

// Log probabilities differ as logits do: segment 1 has (0, 20, 19), segment 0 has (10, 0, 9).
TEST(Tally, ComparesTheLogitOfTheLabelWithThoseOfOtherClassesOnTheForeground) {
  auto pass = three_answers(/*label=*/1);
  const auto logit_gap = [&](const std::vector<int>& foreground, std::span<const Rule> rules) {
    Tally tally(1, rules, torch::kCPU);
    tally.add(pass, {torch::tensor({0.5F})},
              torch::tensor(foreground).to(torch::kBool).unsqueeze(1), 1);
    return tally.read(Rule::argmax)[0].logit_gap;
  };

  EXPECT_NEAR(logit_gap({0, 1, 0}, kRules), 20 - 19 / 2.0, 1e-12);
  EXPECT_NEAR(logit_gap({1, 1, 0}, kRules), (0 - 19 / 2.0 + 20 - 19 / 2.0) / 2, 1e-12);
  EXPECT_TRUE(std::isnan(logit_gap({0, 0, 0}, kRules)));
  EXPECT_TRUE(std::isnan(logit_gap({0, 1, 0}, kArgmaxOnly))) << "not measured";
}

TEST(Predict, ResolvesTiesToTheLowestIndex) {
  const auto scores = torch::zeros({1, 3, 2});
  const auto segments = torch::zeros({1, 4, 3, 2});
  auto pass = make_pass(scores, segments, torch::zeros({2}, torch::kLong));

  EXPECT_EQ(pass.attended().abs().sum().item<std::int64_t>(), 0);
  for (const auto rule : kRules) {
    EXPECT_EQ(predict(pass, rule).abs().sum().item<std::int64_t>(), 0);
  }
}

}  // namespace
}  // namespace trainer
