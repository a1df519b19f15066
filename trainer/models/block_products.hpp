#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

/// Products of matrices that lie in a cache. All of it becomes part of the calling function, hence
/// compiled for that one's processors. The order of a sum follows from sizes and vectors' width.
#define MPISWEEP_INLINE __attribute__((always_inline))

namespace trainer {

/// Rows of blocks are as long as a multiple of this many numbers, which whole vectors fill.
constexpr std::int64_t kColumnMultiple = 16;

/// So many rows times two vectors are 12 sums, for which 16 registers are enough. Processors with
/// vectors of 64 bytes have 32 of them, enough for as many rows times four.
constexpr int kMaxGroup = 6;
template <int kBytes>
constexpr int kMaxVectors = kBytes == 64 ? 4 : 2;

template <class Number, int kBytes>
struct VectorOf {
  // NOLINTBEGIN: `using` cannot say so
  typedef Number type __attribute__((vector_size(kBytes)));
  typedef Number anywhere __attribute__((vector_size(kBytes), aligned(sizeof(Number)), may_alias));
  // NOLINTEND
};

template <class Number, int kBytes>
using Vector = typename VectorOf<Number, kBytes>::type;

template <class Vec, class Number>
constexpr std::int64_t kNumbersIn = sizeof(Vec) / sizeof(Number);

template <class Vec, class Number>
MPISWEEP_INLINE inline Vec load(const Number* from) {
  return *reinterpret_cast<const typename VectorOf<Number, sizeof(Vec)>::anywhere*>(from);
}

template <class Vec, class Number>
MPISWEEP_INLINE inline void store(const Vec& vector, Number* to) {
  *reinterpret_cast<typename VectorOf<Number, sizeof(Vec)>::anywhere*>(to) = vector;
}

/// Without it GCC reads memory again at each use of the vector.
template <class Vec>
MPISWEEP_INLINE inline void keep_in_register([[maybe_unused]] Vec& vector) {
#if defined(__x86_64__)
  asm("" : "+v"(vector));
#endif
}

/// Half by half, which takes fewer steps than one after the other.
template <class Number, class Vec>
MPISWEEP_INLINE inline Number sum_of(const Vec& vector) {
  if constexpr (sizeof(Vec) > 16) {
    using Half = Vector<Number, sizeof(Vec) / 2>;
    Half halves[2];
    __builtin_memcpy(halves, &vector, sizeof vector);
    return sum_of<Number>(halves[0] + halves[1]);
  } else {
    Number sum = 0;
    for (std::int64_t lane = 0; lane < kNumbersIn<Vec, Number>; ++lane)
      sum += vector[lane];  // NOLINT: the analyzer does not know what a vector holds
    return sum;
  }
}

/// Element (i, j) is values[i * row + j * column].
template <class Number>
struct Matrix {
  Number* values = nullptr;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t row = 0;
  std::int64_t column = 1;

  MPISWEEP_INLINE Number* at(std::int64_t i, std::int64_t j) const {
    return values + i * row + j * column;
  }
};

/// Calls task(first, std::integral_constant<int, count>()) for groups of rows, of at most
/// kMaxGroup and at least as many less one.
template <class Task>
MPISWEEP_INLINE inline void for_groups(std::int64_t rows, const Task& task) {
  if (rows == 0) return;
  const auto num_groups = (rows + kMaxGroup - 1) / kMaxGroup;
  const auto least = rows / num_groups;
  const auto num_larger = rows % num_groups;
  std::int64_t first = 0;
  for (std::int64_t group = 0; group < num_groups; ++group) {
    const auto count = group < num_larger ? least + 1 : least;
    switch (count) {
      case 1:
        task(first, std::integral_constant<int, 1>());
        break;
      case 2:
        task(first, std::integral_constant<int, 2>());
        break;
      case 3:
        task(first, std::integral_constant<int, 3>());
        break;
      case 4:
        task(first, std::integral_constant<int, 4>());
        break;
      case 5:
        task(first, std::integral_constant<int, 5>());
        break;
      default:
        task(first, std::integral_constant<int, kMaxGroup>());
        break;
    }
    first += count;
  }
}

/// Of c, kRows rows from `first` and kVectors vectors from `column` on.
template <class Vec, int kRows, int kVectors, class Number>
MPISWEEP_INLINE inline void multiply_group(const Matrix<const Number>& a,
                                           const Matrix<const Number>& b, const Matrix<Number>& c,
                                           std::int64_t first, std::int64_t column) {
  constexpr auto lanes = kNumbersIn<Vec, Number>;
  Vec sums[std::size_t{kRows}][std::size_t{kVectors}];
  for (auto& row : sums)
    for (auto& sum : row)
      sum = Vec{};
  for (std::int64_t k = 0; k < a.columns; ++k) {
    Vec factors[std::size_t{kVectors}];
    for (int v = 0; v < kVectors; ++v)
      factors[v] = load<Vec>(b.at(k, column + v * lanes));
    for (int i = 0; i < kRows; ++i)
      for (int v = 0; v < kVectors; ++v)
        sums[i][v] += *a.at(first + i, k) * factors[v];
  }
  for (int i = 0; i < kRows; ++i)
    for (int v = 0; v < kVectors; ++v)
      store(sums[i][v], c.at(first + i, column + v * lanes));
}

/// multiply() from `column` on, as many vectors at a time as there are, at most kVectors.
template <class Vec, int kVectors, class Number, class Finish>
MPISWEEP_INLINE inline void multiply_columns(const Matrix<const Number>& a,
                                             const Matrix<const Number>& b, const Matrix<Number>& c,
                                             std::int64_t column, const Finish& finish) {
  constexpr auto kAtOnce = kVectors * kNumbersIn<Vec, Number>;
  for (; column + kAtOnce <= c.columns; column += kAtOnce) {
    for_groups(c.rows, [&](std::int64_t first, auto rows) MPISWEEP_INLINE {
      multiply_group<Vec, rows(), kVectors>(a, b, c, first, column);
      for (auto row = first; row < first + rows(); ++row)
        for (int v = 0; v < kVectors; ++v)
          finish(row, column + v * kNumbersIn<Vec, Number>);
    });
  }
  if constexpr (kVectors > 1) multiply_columns<Vec, kVectors / 2>(a, b, c, column, finish);
}

/// c = a b.  Columns of b and c follow each other; their number is a multiple of kColumnMultiple.
/// Calls finish(row, column) for each vector of c while it is at hand.
template <int kBytes, class Number, class Finish>
MPISWEEP_INLINE inline void multiply(const Matrix<const Number>& a, const Matrix<const Number>& b,
                                     const Matrix<Number>& c, const Finish& finish) {
  multiply_columns<Vector<Number, kBytes>, kMaxVectors<kBytes>>(a, b, c, 0, finish);
}

template <int kBytes, class Number>
MPISWEEP_INLINE inline void multiply(const Matrix<const Number>& a, const Matrix<const Number>& b,
                                     const Matrix<Number>& c) {
  multiply<kBytes>(a, b, c, [](std::int64_t /*row*/, std::int64_t /*column*/) {});
}

/// To c, kRows rows of it from `first` and the columns `column` and `other`, which may be the same.
template <class Vec, int kRows, class Number>
MPISWEEP_INLINE inline void add_group(const Matrix<const Number>& a, const Matrix<const Number>& b,
                                      const Matrix<Number>& c, std::int64_t first,
                                      std::int64_t column, std::int64_t other) {
  Vec sums[std::size_t{kRows}][2];
  for (auto& row : sums)
    for (auto& sum : row)
      sum = Vec{};
  for (std::int64_t k = 0; k < a.columns; k += kNumbersIn<Vec, Number>) {
    const Vec factors[] = {load<Vec>(b.at(column, k)), load<Vec>(b.at(other, k))};
    for (int i = 0; i < kRows; ++i) {
      auto row = load<Vec>(a.at(first + i, k));
      keep_in_register(row);
      for (int v = 0; v < 2; ++v)
        sums[i][v] += row * factors[v];
    }
  }
  for (int i = 0; i < kRows; ++i) {
    *c.at(first + i, column) += sum_of<Number>(sums[i][0]);
    if (other != column) *c.at(first + i, other) += sum_of<Number>(sums[i][1]);
  }
}

/// c += a b^T.  Columns of a and b follow each other; their number is a multiple of
/// kColumnMultiple.
template <int kBytes, class Number>
MPISWEEP_INLINE inline void add_products_of_rows(const Matrix<const Number>& a,
                                                 const Matrix<const Number>& b,
                                                 const Matrix<Number>& c) {
  for_groups(a.rows, [&](std::int64_t first, auto rows) MPISWEEP_INLINE {
    for (std::int64_t column = 0; column < b.rows; column += 2) {
      const auto other = column + 1 < b.rows ? column + 1 : column;
      add_group<Vector<Number, kBytes>, rows()>(a, b, c, first, column, other);
    }
  });
}

/// Numbers of both in turn, beginning with number `kFirst` of each.
template <std::size_t kFirst, class Vec, std::size_t... kLanes>
MPISWEEP_INLINE inline Vec interleave(const Vec& a, const Vec& b,
                                      std::index_sequence<kLanes...> /*lanes*/) {
  return Vec{(kLanes % 2 == 0 ? a : b)[kFirst + kLanes / 2]...};
}

/// A square of as many rows as a vector has numbers, whose halves are interleaved until each number
/// has come to its place.
template <class Vec, class Number>
MPISWEEP_INLINE inline void transpose_square(const Number* from, std::int64_t from_row, Number* to,
                                             std::int64_t to_row) {
  constexpr std::size_t kSize = kNumbersIn<Vec, Number>;
  constexpr auto kLanes = std::make_index_sequence<kSize>();
  Vec rows[kSize];
  for (std::size_t i = 0; i < kSize; ++i)
    rows[i] = load<Vec>(from + static_cast<std::int64_t>(i) * from_row);
  for (std::size_t interleaved = 1; interleaved < kSize; interleaved *= 2) {
    Vec next[kSize];
    for (std::size_t i = 0; i < kSize / 2; ++i) {
      next[2 * i] = interleave<0>(rows[i], rows[i + kSize / 2], kLanes);
      next[2 * i + 1] = interleave<kSize / 2>(rows[i], rows[i + kSize / 2], kLanes);
    }
    for (std::size_t i = 0; i < kSize; ++i)
      rows[i] = next[i];
  }
  for (std::size_t i = 0; i < kSize; ++i)
    store(rows[i], to + static_cast<std::int64_t>(i) * to_row);
}

}  // namespace trainer
