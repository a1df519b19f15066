#pragma once

#include <cstddef>
#include <vector>

namespace sweep {

/// What a pack takes: a part that its width does not change, and one for each of its trials.
struct PackTime {
  double fixed_s = 0;
  double per_trial_s = 0;

  double of(std::size_t width) const { return fixed_s + per_trial_s * static_cast<double>(width); }
  PackTime operator*(double factor) const { return {fixed_s * factor, per_trial_s * factor}; }
};

/// Predicts what packs take, from hints and from packs that have finished. No clock, no files.
///
///   CostModel costs({1, 20}, kFixedTrialsOnCpu);
///   costs.learn(/*combination=*/0, /*width=*/8, /*seconds=*/2.5);
///   costs.predict(1).of(8);  // about 50
///
/// A combination whose packs had different widths has a line of its own, fitted by least squares.
/// One whose packs were about equally wide takes the shape of the other lines, through the mean of
/// its packs. One without a finished pack takes the same shape, scaled by its hint and by how long
/// the others took for theirs.
class CostModel {
 public:
  /// `hints`: relative cost of a trial, > 0, per combination. `fixed_trials`: the fixed part of a
  /// pack, in trials, until packs of different widths have told, >= 0.
  CostModel(std::vector<double> hints, double fixed_trials);

  /// A pack of so many trials has trained from its beginning to its end.
  void learn(std::size_t combination, std::size_t width, double seconds);

  /// In seconds once any pack has finished; until then in units of the hints.
  PackTime predict(std::size_t combination) const;

  /// The same for a combination of hint 1 without a finished pack; others are its multiples.
  PackTime predict_unmeasured() const;

  double hint(std::size_t combination) const { return hints_[combination]; }
  bool is_measured(std::size_t combination) const { return sums_[combination].count > 0; }

  /// Whether any pack has finished, so that predictions are in seconds.
  bool has_learned() const { return seconds_ > 0; }

 private:
  /// Of the finished packs of a combination.
  struct Sums {
    double count = 0;
    double width = 0;
    double seconds = 0;
    double width_squared = 0;
    double width_seconds = 0;
    double narrowest = 0;
    double widest = 0;
  };

  static void add(Sums& sums, double width, double seconds);
  static bool has_line(const Sums& sums);
  static PackTime line(const Sums& sums);
  static PackTime shape_of(const Sums& sums);
  PackTime shape() const;

  std::vector<double> hints_;
  std::vector<Sums> sums_;  // by combination
  PackTime first_shape_;    // until there are lines
  PackTime sum_of_shapes_;  // of all lines, each as if its mean pack took 1 s
  double num_lines_ = 0;
  double seconds_ = 0;         // of all finished packs
  double hints_of_packs_ = 0;  // sum of the hints, one for each of them
  double hints_of_trials_ = 0;
};

/// On a CPU eight small trials together take 4 to 7 times as long as one. On a GPU hundreds take
/// hardly longer than one.
inline constexpr double kFixedTrialsOnCpu = 1;
inline constexpr double kFixedTrialsOnGpu = 256;

}  // namespace sweep
