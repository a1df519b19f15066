#include "trainer/batch_sums.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

using torch::Tensor;

/// Two trials, four inputs with up to three segments, of which the last input is a blank.
///
///   input 0: foreground is segment 0 of three;   input 1: both of its two;   input 2: none of
///   three
struct Inputs {
  Tensor scores = torch::tensor({2., 1., 0., 9., 0., 2., 1., 9., 1., 7., 5., 9.,  // a row a segment
                                 0., 3., 4., 9., 4., 1., 0., 9., 1., 7., 0., 9.})
                      .view({2, 3, 4});
  Tensor labels = torch::tensor({0, 1, 0, 1}, torch::kLong);
  Tensor absent = torch::tensor({0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}).view({3, 4}) > 0;
  Tensor foreground = torch::tensor({1, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0}).view({3, 4}) > 0;
  Tensor predicted = torch::tensor({0, 1, 0, 0, 0, 0, 1, 1}, torch::kLong).view({2, 4});
};

/// Shapes: -> [7, 2]
Tensor sums_of(const Inputs& inputs, torch::ScalarType type) {
  const auto keep = [](const Tensor& points) { return points; };
  Pass pass(inputs.scores.to(type), torch::zeros({1, 1, 3, 4}, type), inputs.labels,
            /*num_inputs=*/3, keep, inputs.absent);
  return sum_batch(pass, inputs.foreground, {&inputs.predicted, 1});
}

/// By hand, from the definitions.
Tensor expected_sums() {
  const auto first_weight = std::exp(2) / (std::exp(2) + std::exp(0) + std::exp(1));
  const auto second_weight = std::exp(0) / (std::exp(0) + std::exp(4) + std::exp(1));
  return torch::tensor({first_weight + 1, second_weight + 1,  // of inputs 0 and 1
                        2 - 0.5, 0 - 2.5,                     // of input 0 alone
                        2.0, 2.0,                             // have a foreground
                        1.0, 1.0,                             // have others as well
                        2.0, 1.0,                             // 0 and 1 are focused; 1
                        3.0, 1.0,                             // all are right; 0
                        2.0, 0.0},                            // of these with focus
                       torch::kDouble)
      .view({7, 2});
}

TEST(BatchSums, FollowTheirDefinitionsWithBlanksAbsentSegmentsAndAnyForeground) {
  const auto expected = expected_sums();

  EXPECT_TRUE(torch::allclose(sums_of({}, torch::kDouble), expected, 0, 1e-14));
  EXPECT_TRUE(torch::allclose(sums_of({}, torch::kFloat), expected, 0, 1e-6));
}

// What a GPU uses; half precision has no kernel on a CPU either.
TEST(BatchSums, AreTheSameByOperators) {
  EXPECT_TRUE(torch::allclose(sums_of({}, torch::kHalf), expected_sums(), 0, 2e-3));
}

}  // namespace
}  // namespace trainer
