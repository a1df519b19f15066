#include "results/statistics.hpp"

#include <cmath>
#include <limits>

#include <boost/math/distributions/students_t.hpp>

namespace results {

Summary summarize(std::span<const double> values) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  Summary summary{.mean = kNaN, .half_width = kNaN};
  double sum = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    ++summary.count;
    sum += value;
  }
  if (summary.count == 0) return summary;
  summary.mean = sum / summary.count;
  if (summary.count == 1) return summary;
  double squares = 0;
  for (const double value : values) {
    if (!std::isnan(value)) squares += (value - summary.mean) * (value - summary.mean);
  }
  const double degrees = summary.count - 1;
  const boost::math::students_t distribution(degrees);
  summary.half_width =
      boost::math::quantile(distribution, 0.975) * std::sqrt(squares / degrees / summary.count);
  return summary;
}

}  // namespace results
