#include "trainer/models/perceptron_kernel.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "tests/trainer/kernel_numbers.hpp"

namespace trainer {
namespace {

constexpr std::int64_t kIn = 20, kHidden = 8, kOut = 7, kPoints = 101;

/// One trial and one block, each of the kernels against sums in double precision.
template <class Number>
struct PerceptronKernels : testing::Test {
  PerceptronKernels() {
    for (std::int64_t i = 0; i < kOut; ++i)  // a gradient of nothing where the block is not full
      for (std::int64_t n = kPoints; n < block.stride; ++n)
        at(of_outputs, i, n) = 0;
  }

  Number& at(std::vector<Number>& rows, std::int64_t i, std::int64_t n) const {
    return rows[static_cast<std::size_t>(i * block.stride + n)];
  }

  PerceptronRun<Number> task(Activation activation) {
    sizes.activation = activation;
    return {.sizes = sizes,
            .weights = {weight.data(), bias.data(), out_weight.data(), out_bias.data()},
            .block = block,
            .points = points.data(),
            .hidden = hidden.data(),
            .outputs = outputs.data()};
  }

  double sum_at(std::int64_t unit, std::int64_t n) {
    double sum = bias[static_cast<std::size_t>(unit)];
    for (std::int64_t k = 0; k < kIn; ++k)
      sum +=
          static_cast<double>(weight[static_cast<std::size_t>(unit * kIn + k)]) * at(points, k, n);
    return sum;
  }

  double unit_at(std::int64_t unit, std::int64_t n) {
    const auto sum = sum_at(unit, n);
    return sizes.activation == Activation::tanh ? std::tanh(sum) : std::max(sum, 0.);
  }

  /// The gradient of a unit's sum.
  double gradient_at(std::int64_t unit, std::int64_t n) {
    double of_unit = 0;
    for (std::int64_t i = 0; i < kOut; ++i)
      of_unit += static_cast<double>(out_weight[static_cast<std::size_t>(i * kHidden + unit)]) *
                 at(of_outputs, i, n);
    const auto value = unit_at(unit, n);
    if (sizes.activation == Activation::tanh) return of_unit * (1 - value * value);
    return value > 0 ? of_unit : 0;
  }

  PerceptronSizes sizes = {kIn, kHidden, kOut, Activation::tanh};
  Block block = choose_block(sizes, kPoints, sizeof(Number));
  std::vector<Number> weight = numbers<Number>(kHidden * kIn, 1);
  std::vector<Number> bias = numbers<Number>(kHidden, 2);
  std::vector<Number> out_weight = numbers<Number>(kOut * kHidden, 3);
  std::vector<Number> out_bias = numbers<Number>(kOut, 4);
  std::vector<Number> points = numbers<Number>(padded(kIn) * block.stride, 5);
  std::vector<Number> hidden = numbers<Number>(kHidden * block.stride, 6);
  std::vector<Number> outputs = numbers<Number>(kOut * block.stride, 7);
  std::vector<Number> of_outputs = numbers<Number>(kOut * block.stride, 8);
  std::vector<Number> transposed_points = numbers<Number>(block.columns * padded(kIn), 9);
  std::vector<Number> of_weight_here = numbers<Number>(kHidden * padded(kIn), 10);
};

using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(PerceptronKernels, Numbers);

TYPED_TEST(PerceptronKernels, RunABlock) {
  for (const auto& kernel : perceptron_kernels<TypeParam>()) {
    for (const auto activation : {Activation::relu, Activation::tanh}) {
      kernel.run(this->task(activation));

      for (std::int64_t i = 0; i < kOut; ++i) {
        for (std::int64_t n = 0; n < kPoints; ++n) {
          double expected = this->out_bias[static_cast<std::size_t>(i)];
          for (std::int64_t unit = 0; unit < kHidden; ++unit)
            expected += this->out_weight[static_cast<std::size_t>(i * kHidden + unit)] *
                        this->unit_at(unit, n);
          ASSERT_NEAR(this->at(this->outputs, i, n), expected, kSumTolerance<TypeParam>)
              << i << ", " << n;
        }
      }
    }
  }
}

TYPED_TEST(PerceptronKernels, DifferentiateABlockAndAddToWhatIsThere) {
  for (const auto& kernel : perceptron_kernels<TypeParam>()) {
    for (const auto activation : {Activation::relu, Activation::tanh}) {
      std::vector<TypeParam> of_sums(this->hidden.size()), of_points(this->points.size());
      std::vector<TypeParam> of_weight(kHidden * kIn, 1), of_bias(kHidden, 1);
      std::vector<TypeParam> of_out_weight(kOut * kHidden, 1), of_out_bias(kOut, 1);
      const auto task = this->task(activation);
      kernel.run(task);

      transpose(this->points.data(), kIn, this->block, this->transposed_points.data());
      kernel.differentiate(task, {.of_outputs = this->of_outputs.data(),
                                  .transposed_points = this->transposed_points.data(),
                                  .of_sums = of_sums.data(),
                                  .of_weight_here = this->of_weight_here.data(),
                                  .of_weights = {of_weight.data(), of_bias.data(),
                                                 of_out_weight.data(), of_out_bias.data()},
                                  .of_points = of_points.data()});

      const auto sum_over_points = [](const auto& term) {
        double sum = 1;
        for (std::int64_t n = 0; n < kPoints; ++n)
          sum += term(n);
        return sum;
      };
      const double tolerance = 10 * kSumTolerance<TypeParam>;
      for (std::int64_t unit = 0; unit < kHidden; ++unit) {
        const auto gradient = [&](std::int64_t n) { return this->gradient_at(unit, n); };
        ASSERT_NEAR(of_bias[static_cast<std::size_t>(unit)], sum_over_points(gradient), tolerance);
        for (std::int64_t k = 0; k < kIn; ++k)
          ASSERT_NEAR(
              of_weight[static_cast<std::size_t>(unit * kIn + k)],
              sum_over_points([&](auto n) { return gradient(n) * this->at(this->points, k, n); }),
              tolerance);
        for (std::int64_t i = 0; i < kOut; ++i)
          ASSERT_NEAR(of_out_weight[static_cast<std::size_t>(i * kHidden + unit)],
                      sum_over_points([&](auto n) {
                        return this->unit_at(unit, n) * this->at(this->of_outputs, i, n);
                      }),
                      tolerance);
      }
      for (std::int64_t i = 0; i < kOut; ++i)
        ASSERT_NEAR(of_out_bias[static_cast<std::size_t>(i)],
                    sum_over_points([&](auto n) { return this->at(this->of_outputs, i, n); }),
                    tolerance);
      for (std::int64_t k = 0; k < kIn; ++k) {
        for (std::int64_t n = 0; n < kPoints; ++n) {
          double expected = 0;
          for (std::int64_t unit = 0; unit < kHidden; ++unit)
            expected +=
                this->weight[static_cast<std::size_t>(unit * kIn + k)] * this->gradient_at(unit, n);
          ASSERT_NEAR(this->at(of_points, k, n), expected, tolerance);
        }
      }
    }
  }
}

TEST(PerceptronBlocks, AreWholeCacheLinesAndCoverAllPoints) {
  for (const std::int64_t points : {0, 1, 16, 17, 200, 1800, 100000}) {
    for (const std::int64_t in : {1, 64, 784, 10000}) {
      const auto block = choose_block({in, 50, 10, Activation::relu}, points, sizeof(float));

      EXPECT_GE(block.columns, 16);
      EXPECT_EQ(block.columns % 16, 0);
      EXPECT_GE(block.stride, block.columns);
      EXPECT_EQ(block.stride / 16 % 2, 1) << "rows begin at the same place of a cache";
      EXPECT_LE(block.columns, std::max<std::int64_t>(points + 15, 16));
    }
  }
}

TEST(PerceptronBlocks, AreFullTilesWhereACacheHoldsThem) {
  for (const std::int64_t in : {1, 64, 784}) {
    for (const std::int64_t points : {1000, 1800, 100000})
      EXPECT_EQ(choose_block({in, 50, 10, Activation::relu}, points, sizeof(float)).columns % 64, 0)
          << in << ", " << points;
  }
  EXPECT_LE(choose_block({10000, 50, 10, Activation::relu}, 1800, sizeof(float)).columns, 16);
}

TEST(PerceptronBlocks, FitIntoACacheUnlessOneVectorDoesNot) {
  constexpr std::int64_t kCacheBytes = 384 << 10;
  for (const auto& [in, hidden, points] : std::vector<std::array<std::int64_t, 3>>{
           {64, 50, 1800}, {64, 500, 1800}, {784, 300, 1000}, {1390, 50, 1800}, {10000, 50, 200}}) {
    const auto block = choose_block({in, hidden, 10, Activation::relu}, points, sizeof(float));
    const auto bytes = block.columns * (in + 2 * hidden + 20) * 4;  // points, units, outputs

    EXPECT_TRUE(bytes <= kCacheBytes || block.columns == 16) << in << ", " << hidden;
  }
}

}  // namespace
}  // namespace trainer
