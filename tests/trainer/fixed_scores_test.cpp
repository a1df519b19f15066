#include "trainer/fixed_scores.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

using torch::Tensor;

/// Whether each of m segments of each of B inputs is in the foreground.
Tensor mask(const std::vector<std::vector<int>>& rows) {
  std::vector<Tensor> tensors;
  for (const auto& row : rows)
    tensors.push_back(torch::tensor(row));
  return torch::stack(tensors).to(torch::kBool);  // [m, B]
}

/// Shapes: -> [m, B]
Tensor attention(double weight, const Tensor& foreground) {
  return torch::softmax(fixed_scores(weight, foreground)[0], 0);
}

void expect_column(const Tensor& attention, int input, const std::vector<float>& expected) {
  EXPECT_TRUE(torch::allclose(attention.select(/*dim=*/1, input), torch::tensor(expected),
                              /*rtol=*/0, /*atol=*/1e-6))
      << attention;
}

TEST(FixedScores, PutTheWeightOnTheForegroundAndSpreadTheRestEvenly) {
  const auto a = attention(0.6, mask({{1, 0}, {0, 0}, {0, 1}, {0, 0}, {0, 0}}));

  expect_column(a, 0, {.6F, .1F, .1F, .1F, .1F});
  expect_column(a, 1, {.1F, .1F, .6F, .1F, .1F});
}

TEST(FixedScores, LeaveNothingForTheOthersAtAWeightOfOne) {
  const auto a = attention(1, mask({{0}, {1}, {0}}));

  EXPECT_TRUE(torch::equal(a.select(1, 0), torch::tensor({0.F, 1.F, 0.F})));
}

TEST(FixedScores, ShareTheWeightAmongSeveralSegmentsOfTheForeground) {
  expect_column(attention(0.8, mask({{1}, {1}, {0}, {0}})), 0, {.4F, .4F, .1F, .1F});
}

TEST(FixedScores, AreEvenWhereAllOrNothingIsForeground) {
  const auto a = attention(1, mask({{1, 0}, {1, 0}}));

  expect_column(a, 0, {.5F, .5F});
  expect_column(a, 1, {.5F, .5F});
}

}  // namespace
}  // namespace trainer
