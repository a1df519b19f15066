#include "trainer/models/convolution_kernels.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/trainer/kernel_numbers.hpp"

namespace trainer {
namespace {

constexpr std::int64_t kWidth = 5, kHeight = 2, kWindow = 203;  // no multiples of a tile

template <class Number>
const ConvolutionKernels<Number>& of(const ConvolutionKernelsOfNumbers& kernels) {
  if constexpr (std::is_same_v<Number, float>) {
    return kernels.of_float;
  } else {
    return kernels.of_double;
  }
}

/// Each of those that this processor runs, against sums in double precision.
template <class Number>
class Kernels : public testing::Test {
 protected:
  Kernels() {
    for (std::int64_t k = 0; k < kWindow; ++k)
      offsets_.push_back((k * 7 % kWindow) * kLanes<Number>);
  }

  Window window() const { return {.offsets = offsets_.data(), .size = kWindow}; }
  double map_at(std::int64_t block, std::int64_t lane) const {
    return maps_[static_cast<std::size_t>(block * kLanes<Number> + lane)];
  }

  std::vector<std::int64_t> offsets_ = {};
  std::vector<Number> maps_ = numbers<Number>((kWindow + 2 * kWidth) * kLanes<Number>, 0);
};

using Numbers = testing::Types<float, double>;
TYPED_TEST_SUITE(Kernels, Numbers);

TYPED_TEST(Kernels, ConvolveARow) {
  using Number = TypeParam;
  constexpr auto L = kLanes<Number>;
  for (const auto& kernels : convolution_kernels()) {
    const auto& [tile, sum_size, convolve, correlate, pool, unpool] = of<Number>(kernels);
    const auto weights = numbers<Number>(kWindow * tile, 1);
    const auto bias = numbers<Number>(tile, 2);
    std::vector<Number> out(static_cast<std::size_t>(tile * kWidth * L));
    convolve({.window = this->window(),
              .maps = this->maps_.data(),
              .weights = weights.data(),
              .bias = bias.data(),
              .width = kWidth,
              .out = out.data(),
              .out_stride = kWidth * L});

    for (std::int64_t at = 0; at < tile * kWidth * L; ++at) {
      const auto i = at / (kWidth * L), x = at / L % kWidth;
      double expected = bias[static_cast<std::size_t>(i)];
      for (std::int64_t k = 0; k < kWindow; ++k) {
        const double weight = weights[static_cast<std::size_t>(k * tile + i)];
        expected += weight * this->map_at(k * 7 % kWindow + x, at % L);
      }
      ASSERT_NEAR(out[static_cast<std::size_t>(at)], expected, kSumTolerance<TypeParam>) << at;
    }
  }
}

TYPED_TEST(Kernels, CorrelateRows) {
  using Number = TypeParam;
  constexpr auto L = kLanes<Number>;
  for (const auto& kernels : convolution_kernels()) {
    const auto& [tile, sum_size, convolve, correlate, pool, unpool] = of<Number>(kernels);
    const auto gradients = numbers<Number>(tile * kHeight * kWidth * L, 3);
    std::vector<Number> sums(static_cast<std::size_t>(kWindow * tile * sum_size), Number{1});
    correlate({.window = this->window(),
               .maps = this->maps_.data(),
               .maps_stride = kWidth * L,
               .gradients = gradients.data(),
               .gradients_stride = kWidth * L,
               .tile_stride = kHeight * kWidth * L,
               .height = kHeight,
               .width = kWidth,
               .sums = sums.data()});

    for (std::int64_t at = 0; at < kWindow * tile; ++at) {
      const auto k = at / tile, i = at % tile;
      double sum = 0;
      for (std::int64_t part = 0; part < sum_size; ++part)
        sum += sums[static_cast<std::size_t>(at * sum_size + part)];
      double expected = static_cast<double>(sum_size);  // what was there before
      for (std::int64_t pixel = 0; pixel < kHeight * kWidth * L; ++pixel) {
        const double gradient =
            gradients[static_cast<std::size_t>(i * kHeight * kWidth * L + pixel)];
        expected += gradient * this->map_at(k * 7 % kWindow + pixel / L, pixel % L);
      }
      ASSERT_NEAR(sum, expected, kSumTolerance<TypeParam>) << at;
    }
  }
}

TYPED_TEST(Kernels, KeepTheLargestOfAWindowAndGiveItTheGradient) {
  using Number = TypeParam;
  constexpr auto L = kLanes<Number>;
  const PooledRow<Number> row = {.pool = 2, .width = 1, .stride = 2 * L};
  for (const auto& kernels : convolution_kernels()) {
    const auto& [tile, sum_size, convolve, correlate, pool, unpool] = of<Number>(kernels);
    std::vector<Number> rows(4 * L, 1), values(L), sums(L, 5);
    std::vector<Source> sources(L);
    for (std::int64_t lane = 0; lane < L; ++lane)  // the last ones have nothing above 0
      rows[static_cast<std::size_t>(lane % 4 * L + lane)] = static_cast<Number>(2 + lane);
    for (std::size_t pixel = 0; pixel < 4; ++pixel)
      rows[pixel * L + L - 1] = -1;
    pool(row, rows.data(), values.data(), sources.data());
    const auto gradients = numbers<Number>(L, 4);
    unpool(row, gradients.data(), sources.data(), rows.data(), sums.data());

    for (std::size_t lane = 0; lane < L; ++lane) {
      const bool is_nothing = lane + 1 == L;
      ASSERT_EQ(values[lane], is_nothing ? 0 : static_cast<Number>(2 + lane));
      ASSERT_EQ(sums[lane], is_nothing ? 5 : 5 + gradients[lane]);
      for (std::size_t pixel = 0; pixel < 4; ++pixel) {
        const bool is_kept = !is_nothing && pixel == lane % 4;
        ASSERT_EQ(rows[pixel * L + lane], is_kept ? gradients[lane] : 0) << pixel << ' ' << lane;
      }
    }
  }
}

}  // namespace
}  // namespace trainer
