#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

/// What tests of kernels on a CPU compute with, and how far off they may be.
namespace trainer {

/// Numbers that are easily told apart.
template <class Number>
std::vector<Number> numbers(std::int64_t size, double phase) {
  std::vector<Number> values;
  for (std::int64_t i = 0; i < size; ++i)
    values.push_back(static_cast<Number>(std::sin(static_cast<double>(i) * 1.7 + phase)));
  return values;
}

/// Of a sum of such numbers from one in double precision.
template <class Number>
inline constexpr double kSumTolerance = std::is_same_v<Number, float> ? 2e-5 : 1e-12;

}  // namespace trainer
