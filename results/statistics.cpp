#include "results/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <vector>

#include <boost/math/distributions/students_t.hpp>
#include <boost/math/statistics/univariate_statistics.hpp>

namespace results {
namespace {

constexpr double kUpperQuantile = 0.975;  // leaves 2.5 % on either side

}  // namespace

Summary summarize(std::span<const double> values) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> numbers;
  std::ranges::copy_if(values, std::back_inserter(numbers),
                       [](double value) { return !std::isnan(value); });
  const auto count = static_cast<int>(numbers.size());
  Summary summary = {.count = count, .mean = kNan, .half_width = kNan};
  if (count > 0) summary.mean = boost::math::statistics::mean(numbers);
  if (count > 1) {
    const boost::math::students_t distribution(count - 1);
    summary.half_width = quantile(distribution, kUpperQuantile) *
                         std::sqrt(boost::math::statistics::sample_variance(numbers) / count);
  }
  return summary;
}

}  // namespace results
