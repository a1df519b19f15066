#include "trainer/losses/column_kernels.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

#include "trainer/vectorized.hpp"

namespace trainer {
namespace {

constexpr std::int64_t kColumnsAtATime = 512;  // what is known of them stays in the first cache

/// Of x <= 0; 0 below -87.7, where no bits are left for the exponent.
/// Formula: exp(x) = 2^n exp(x - n log 2), |x - n log 2| <= log(2) / 2, and the series of exp to
/// the seventh power, at most 5e-9 off before it is rounded.
inline float exp_of(float x) {
  constexpr float kLowest = -88.02F;          // n is -127 there, for which 2^n comes out as 0
  constexpr float kRounder = 12582912.F;      // 1.5 2^23: numbers added to it lose their fraction
  constexpr float kLog2Start = 0.693359375F;  // has few bits, so that n times it is exact
  constexpr float kLog2Rest = -2.12194440e-4F;
  constexpr int kExponentBits = 23;
  constexpr int kExponentOfOne = 127;
  const float bounded = x < kLowest ? kLowest : x;
  const float shifted = bounded * 1.44269504F + kRounder;
  const float n = shifted - kRounder;
  const float r = (bounded - n * kLog2Start) - n * kLog2Rest;
  float p = 1.F / 5040;
  p = p * r + 1.F / 720;
  p = p * r + 1.F / 120;
  p = p * r + 1.F / 24;
  p = p * r + 1.F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.F;
  p = p * r + 1.F;
  const auto exponent = std::bit_cast<std::uint32_t>(shifted) + kExponentOfOne;
  const float power = std::bit_cast<float>(exponent << kExponentBits);
  return p * power;
}

inline double exp_of(double x) {
  return std::exp(x);
}

template <class Number>
inline void sum_all(const ColumnSizes& sizes, const Number* values, Number* largest, Number* sums) {
  const auto [T, R, N] = sizes;
  for (std::int64_t t = 0; t < T; ++t) {
    for (std::int64_t first = 0; first < N; first += kColumnsAtATime) {
      const auto count = std::min(kColumnsAtATime, N - first);
      const auto* begin = values + t * R * N + first;
      auto* __restrict__ most = largest + t * N + first;
      auto* __restrict__ sum = sums + t * N + first;
      std::copy_n(begin, count, most);
      std::fill_n(sum, count, Number(0));
      for (std::int64_t r = 1; r < R; ++r)
        for (std::int64_t k = 0; k < count; ++k)
          most[k] = begin[r * N + k] > most[k] ? begin[r * N + k] : most[k];
      for (std::int64_t r = 0; r < R; ++r)
        for (std::int64_t k = 0; k < count; ++k)
          sum[k] += exp_of(begin[r * N + k] - most[k]);
    }
  }
}

template <class Number>
inline void scale_all(const ColumnSizes& sizes, const Number* values, const Number* largest,
                      const Number* factors, Number* products) {
  const auto [T, R, N] = sizes;
  for (std::int64_t t = 0; t < T; ++t) {
    for (std::int64_t r = 0; r < R; ++r) {
      const auto* __restrict__ value = values + (t * R + r) * N;
      const auto* __restrict__ most = largest + t * N;
      const auto* __restrict__ factor = factors + t * N;
      auto* __restrict__ product = products + (t * R + r) * N;
      for (std::int64_t k = 0; k < N; ++k)
        product[k] = factor[k] * exp_of(value[k] - most[k]);
    }
  }
}

/// Of `count` columns, at most kColumnsAtATime, whose rows are N apart.
template <class Number>
inline void find_in(const ColumnSizes& sizes, const Number* values, std::int64_t count,
                    std::int64_t* found) {
  using Row = std::conditional_t<sizeof(Number) == 4, std::int32_t, std::int64_t>;  // as many lanes
  Number most[kColumnsAtATime];
  Row row[kColumnsAtATime];
  std::copy_n(values, count, most);
  std::fill_n(row, count, Row(0));
  for (Row r = 1; r < static_cast<Row>(sizes.rows); ++r) {
    for (std::int64_t k = 0; k < count; ++k) {
      const auto value = values[r * sizes.columns + k];
      const bool is_larger = !(value <= most[k]) && most[k] == most[k];  // or no number at all
      most[k] = is_larger ? value : most[k];
      row[k] = is_larger ? r : row[k];
    }
  }
  std::copy_n(row, count, found);
}

template <class Number>
inline void find_all(const ColumnSizes& sizes, const Number* values, std::int64_t* rows) {
  const auto [T, R, N] = sizes;
  for (std::int64_t t = 0; t < T; ++t)
    for (std::int64_t first = 0; first < N; first += kColumnsAtATime)
      find_in(sizes, values + t * R * N + first, std::min(kColumnsAtATime, N - first),
              rows + t * N + first);
}

}  // namespace

// One function of each for every type, since MPISWEEP_VECTORIZED takes no templates.
MPISWEEP_VECTORIZED void sum_exponentials(const ColumnSizes& sizes, const float* values,
                                          float* largest, float* sums) {
  sum_all(sizes, values, largest, sums);
}

MPISWEEP_VECTORIZED void sum_exponentials(const ColumnSizes& sizes, const double* values,
                                          double* largest, double* sums) {
  sum_all(sizes, values, largest, sums);
}

MPISWEEP_VECTORIZED void scale_exponentials(const ColumnSizes& sizes, const float* values,
                                            const float* largest, const float* factors,
                                            float* products) {
  scale_all(sizes, values, largest, factors, products);
}

MPISWEEP_VECTORIZED void scale_exponentials(const ColumnSizes& sizes, const double* values,
                                            const double* largest, const double* factors,
                                            double* products) {
  scale_all(sizes, values, largest, factors, products);
}

MPISWEEP_VECTORIZED void find_largest(const ColumnSizes& sizes, const float* values,
                                      std::int64_t* rows) {
  find_all(sizes, values, rows);
}

MPISWEEP_VECTORIZED void find_largest(const ColumnSizes& sizes, const double* values,
                                      std::int64_t* rows) {
  find_all(sizes, values, rows);
}

}  // namespace trainer
