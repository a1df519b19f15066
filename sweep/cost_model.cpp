#include "sweep/cost_model.hpp"

#include <algorithm>
#include <utility>

namespace sweep {
namespace {

constexpr double kTellingSpread = 2;  // widths that differ less tell more of noise than of a slope

PackTime operator+(const PackTime& a, const PackTime& b) {
  return {a.fixed_s + b.fixed_s, a.per_trial_s + b.per_trial_s};
}

}  // namespace

CostModel::CostModel(std::vector<double> hints, double fixed_trials)
    : hints_(std::move(hints)),
      sums_(hints_.size()),
      first_shape_{.fixed_s = fixed_trials, .per_trial_s = 1} {}

void CostModel::learn(std::size_t combination, std::size_t width, double seconds) {
  if (width == 0 || !(seconds > 0)) return;
  auto& sums = sums_[combination];
  if (has_line(sums)) {
    sum_of_shapes_ = sum_of_shapes_ + shape_of(sums) * -1;
    --num_lines_;
  }
  add(sums, static_cast<double>(width), seconds);
  if (has_line(sums)) {
    sum_of_shapes_ = sum_of_shapes_ + shape_of(sums);
    ++num_lines_;
  }
  seconds_ += seconds;
  hints_of_packs_ += hints_[combination];
  hints_of_trials_ += hints_[combination] * static_cast<double>(width);
}

PackTime CostModel::predict(std::size_t combination) const {
  const auto& sums = sums_[combination];
  if (sums.count == 0) return predict_unmeasured() * hints_[combination];
  if (has_line(sums)) return line(sums);
  const auto usual = shape();
  const double mean_width = sums.width / sums.count;
  return usual * (sums.seconds / sums.count / (usual.fixed_s + usual.per_trial_s * mean_width));
}

PackTime CostModel::predict_unmeasured() const {
  const auto usual = shape();
  if (seconds_ <= 0) return usual;
  return usual *
         (seconds_ / (usual.fixed_s * hints_of_packs_ + usual.per_trial_s * hints_of_trials_));
}

void CostModel::add(Sums& sums, double width, double seconds) {
  sums.narrowest = sums.count == 0 ? width : std::min(sums.narrowest, width);
  sums.widest = std::max(sums.widest, width);
  ++sums.count;
  sums.width += width;
  sums.seconds += seconds;
  sums.width_squared += width * width;
  sums.width_seconds += width * seconds;
}

bool CostModel::has_line(const Sums& sums) {
  return sums.count > 0 && sums.widest >= kTellingSpread * sums.narrowest;
}

/// Least squares; neither part can be negative.
PackTime CostModel::line(const Sums& sums) {
  const double mean_width = sums.width / sums.count;
  const double mean_s = sums.seconds / sums.count;
  const double variance = sums.width_squared / sums.count - mean_width * mean_width;
  const double covariance = sums.width_seconds / sums.count - mean_width * mean_s;
  const double slope = std::clamp(covariance / variance, 0.0, mean_s / mean_width);
  return {.fixed_s = mean_s - slope * mean_width, .per_trial_s = slope};
}

PackTime CostModel::shape_of(const Sums& sums) {
  return line(sums) * (sums.count / sums.seconds);
}

PackTime CostModel::shape() const {
  return num_lines_ > 0 ? sum_of_shapes_ * (1 / num_lines_) : first_shape_;
}

}  // namespace sweep
