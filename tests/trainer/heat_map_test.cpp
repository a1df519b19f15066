#include "trainer/heat_map.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace trainer {
namespace {

using torch::Tensor;

/// One trial.  Shapes: -> [1, N]
Tensor values(const std::vector<double>& numbers, torch::ScalarType type = torch::kFloat) {
  return torch::tensor(numbers, torch::kDouble).to(type).unsqueeze(0);
}

/// Points by bin.  Shapes: fractions [1, 5, 5] -> [5, 5]
Tensor expected_map(const std::vector<std::array<std::int64_t, 2>>& bins) {
  auto map = torch::zeros({5, 5}, torch::kDouble);
  for (const auto& [x, y] : bins)
    map[x][y] += 1;
  return map / static_cast<double>(bins.size());
}

Tensor fixed_map(const Tensor& x, const Tensor& y) {
  return heat_map(x, fixed_edges(x), y, fixed_edges(y))[0];
}

Tensor data_range_map(const Tensor& x, const Tensor& y) {
  return heat_map(x, data_range_edges(x), y, data_range_edges(y))[0];
}

class EveryType : public testing::TestWithParam<torch::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(HeatMap, EveryType, testing::Values(torch::kFloat, torch::kDouble),
                         [](const auto& type) { return std::string(c10::toString(type.param)); });

// The bins of both examples were counted by hand.
TEST_P(EveryType, HasFixedEdgesOfWhichTheInnerBelongToTheUpperBin) {
  const auto x = values({0, 0.2, 0.39, 0.999, 1}, GetParam());
  const auto y = values({0, 0.2, 0.4, 0.999, 1}, GetParam());

  const auto map = fixed_map(x, y);

  EXPECT_TRUE(map.equal(expected_map({{0, 0}, {1, 1}, {1, 2}, {4, 4}, {4, 4}}))) << map;
}

TEST_P(EveryType, HasEdgesEquallySpacedOverTheRangeOfTheData) {
  const auto x = values({0.1, 0.3, 0.5}, GetParam());
  const auto y = values({0.2, 0.4, 0.9}, GetParam());

  const auto map = data_range_map(x, y);

  EXPECT_TRUE(map.equal(expected_map({{0, 0}, {2, 1}, {4, 4}}))) << map;
  const auto near = [&](const Tensor& edges, const std::vector<double>& expected) {
    return torch::allclose(edges, values(expected, GetParam()), /*rtol=*/0, /*atol=*/1e-7);
  };
  EXPECT_TRUE(near(data_range_edges(x), {0.1, 0.18, 0.26, 0.34, 0.42, 0.5}));
  EXPECT_TRUE(near(data_range_edges(y), {0.2, 0.34, 0.48, 0.62, 0.76, 0.9}));
}

TEST_P(EveryType, PutsEveryInnerEdgeIntoTheUpperBinAndWhatIsJustBelowIntoTheLower) {
  const auto edges = values({0.2, 0.4, 0.6, 0.8}, GetParam());
  const auto below = edges.nextafter(torch::zeros_like(edges));

  const auto at_edges = fixed_map(edges, edges);
  const auto below_edges = fixed_map(below, below);

  EXPECT_TRUE(at_edges.equal(expected_map({{1, 1}, {2, 2}, {3, 3}, {4, 4}}))) << at_edges;
  EXPECT_TRUE(below_edges.equal(expected_map({{0, 0}, {1, 1}, {2, 2}, {3, 3}}))) << below_edges;
}

TEST_P(EveryType, BeginsAndEndsTheRangeOfTheDataWithItsExtremes) {
  const auto x = values({0.1, 0.7, 0.3}, GetParam());

  const auto edges = data_range_edges(x)[0];

  EXPECT_TRUE(edges[0].equal(x[0][0]));
  EXPECT_TRUE(edges[5].equal(x[0][1]));
}

// A sum of float weights may end a little above 1.
TEST(HeatMap, CountsWhatIsAboveOneInTheLastBin) {
  const auto x = values({1}).nextafter(values({2}));

  EXPECT_TRUE(fixed_map(x, x).equal(expected_map({{4, 4}})));
}

TEST(HeatMap, HasAPlaceForPointsThatAreAllEqual) {
  const auto x = values({0.3, 0.3, 0.3});

  EXPECT_TRUE(data_range_edges(x).eq(0.3F).all().item<bool>());
  EXPECT_EQ(data_range_map(x, x).sum().item<double>(), 1);
}

TEST(HeatMap, KeepsTrialsApart) {
  const auto x = torch::tensor({0.1F, 0.1F, 0.9F, 0.5F}).view({2, 2});
  const auto y = torch::tensor({0.5F, 0.5F, 0.1F, 0.9F}).view({2, 2});

  const auto fixed = heat_map(x, fixed_edges(x), y, fixed_edges(y));
  const auto data_range = heat_map(x, data_range_edges(x), y, data_range_edges(y));

  EXPECT_TRUE(fixed[0].equal(expected_map({{0, 2}, {0, 2}})));
  EXPECT_TRUE(fixed[1].equal(expected_map({{4, 0}, {2, 4}})));
  EXPECT_TRUE(data_range[1].equal(expected_map({{4, 0}, {0, 4}})));
}

TEST(HeatMap, HoldsNoNumbersWithoutPoints) {
  const auto none = torch::zeros({2, 0});

  EXPECT_TRUE(
      heat_map(none, fixed_edges(none), none, fixed_edges(none)).isnan().all().item<bool>());
  EXPECT_TRUE(data_range_edges(none).isnan().all().item<bool>());
  EXPECT_EQ(data_range_map(none, none).sizes(), torch::IntArrayRef({5, 5}));
}

TEST(HeatMap, LeavesOutPointsThatAreNoNumbers) {
  const auto x = values({0.1, NAN});

  EXPECT_EQ(fixed_map(x, values({0.1, 0.5})).sum().item<double>(), 0.5);
  EXPECT_EQ(fixed_map(values({0.1, 0.5}), x).sum().item<double>(), 0.5);
}

/// Three inputs and a blank one of two segments, all alike: weights .75 and .25, class 0 of segment
/// 0 has probability .9, of segment 1 .1. The foreground: segment 0, none, both; of the blank
/// segment 0.
class Points : public testing::Test {
 protected:
  static Pass make_pass() {
    const auto scores = torch::tensor({3.0, 1.0}, torch::kDouble).log().view({1, 2, 1});
    const auto logits =
        torch::tensor({9.0, 1.0, 1.0, 9.0}, torch::kDouble).log();  // [class, segment]
    return {scores.expand({1, 2, 4}), logits.view({1, 2, 2, 1}).expand({1, 2, 2, 4}),
            torch::zeros({4}, torch::kLong), /*num_inputs=*/3,
            [](const Tensor& points) { return points; }};
  }

  const Tensor foreground_ = torch::tensor({1, 0, 1, 1,   // segment 0
                                            0, 0, 1, 0})  // segment 1
                                 .view({2, 4})
                                 .to(torch::kBool);
};

// s_y is .9 by segment 0, .75 * .9 + .25 * .1 = .7 by the mixture; the blended logit difference is
// ln 9 / 2, so s_y is 3 / (3 + 1) by the blend.
TEST_F(Points, LieAtTheWeightOnTheForegroundAndTheProbabilityOfTheLabelUnderEachRule) {
  auto pass = make_pass();
  HeatPoints points;

  points.add(pass, foreground_);
  points.add(pass, foreground_);

  const auto maps = points.maps();
  const auto& by_rule = maps.by_rule;
  EXPECT_TRUE(by_rule.at(Rule::argmax).fixed[0].equal(expected_map({{3, 4}, {4, 4}})));
  EXPECT_TRUE(by_rule.at(Rule::mixture).fixed[0].equal(expected_map({{3, 3}, {4, 3}})));
  EXPECT_TRUE(by_rule.at(Rule::blend).fixed[0].equal(expected_map({{3, 3}, {4, 3}})));
  EXPECT_NEAR(maps.focus_edges[0][0].item<double>(), 0.75, 1e-12);
  EXPECT_NEAR(maps.focus_edges[0][5].item<double>(), 1, 1e-12);
  EXPECT_NEAR(by_rule.at(Rule::argmax).score_edges[0][0].item<double>(), 0.9, 1e-12);
  EXPECT_NEAR(by_rule.at(Rule::mixture).score_edges[0][0].item<double>(), 0.7, 1e-12);
  EXPECT_NEAR(by_rule.at(Rule::blend).score_edges[0][5].item<double>(), 0.75, 1e-12);
}

TEST_F(Points, AreNoneWhereNoInputHasAForeground) {
  auto pass = make_pass();
  HeatPoints points;

  points.add(pass, torch::zeros({2, 4}, torch::kBool));

  EXPECT_TRUE(points.maps().by_rule.at(Rule::blend).fixed.isnan().all().item<bool>());
}

}  // namespace
}  // namespace trainer
