#pragma once

#include <cstdint>

/// Columns of numbers on a CPU, compiled for each generation of processors. In single precision
/// exponentials are at most 3e-7 off, relatively.
namespace trainer {

struct ColumnSizes {
  std::int64_t trials, rows, columns;  ///< of values [T, R, N]
};

/// Of each column the largest value, and the sum of exp(value - largest).
/// Shapes: values [T, R, N], largest and sums [T, N]
void sum_exponentials(const ColumnSizes& sizes, const float* values, float* largest, float* sums);
void sum_exponentials(const ColumnSizes& sizes, const double* values, double* largest,
                      double* sums);

/// factors[t, n] exp(values[t, r, n] - largest[t, n]), of the largest value of each column.
/// Shapes: values and products [T, R, N], largest and factors [T, N]
void scale_exponentials(const ColumnSizes& sizes, const float* values, const float* largest,
                        const float* factors, float* products);
void scale_exponentials(const ColumnSizes& sizes, const double* values, const double* largest,
                        const double* factors, double* products);

/// Of each column the row of the largest value, the first among equals; what is not a number counts
/// as largest.
/// Shapes: values [T, R, N], rows [T, N]
void find_largest(const ColumnSizes& sizes, const float* values, std::int64_t* rows);
void find_largest(const ColumnSizes& sizes, const double* values, std::int64_t* rows);

}  // namespace trainer
