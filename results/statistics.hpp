#pragma once

#include <span>

namespace results {

/// A mean over repetitions and how sure it is.
struct Summary {
  int count = 0;          ///< values that are numbers
  double mean = 0;        ///< NaN if there is none
  double half_width = 0;  ///< of the 95 % interval; NaN with fewer than two values
};

/// Mean and two-sided 95 % interval of Student's t: t(0.975, n - 1) s / sqrt(n). NaNs are left out.
Summary summarize(std::span<const double> values);

}  // namespace results
