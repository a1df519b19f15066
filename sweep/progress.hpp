#pragma once

#include <chrono>
#include <ostream>
#include <string>

namespace sweep {

/// The time a sweep still takes.
struct TimeLeft {
  double seconds = -1;      ///< negative: unknown
  double uncertainty = -1;  ///< half of a 95 % interval; negative: unknown
};

/// Estimates from the trials that have ended in this run.
class TimeEstimate {
 public:
  /// One trial has ended after `elapsed_s` of a device's time.
  void add(double elapsed_s);

  /// `wall_s` since the first pack was lent; `under_way` in trials' worth of finished work; `left`
  /// trials without a result.
  /// Uncertainty: trials vary as those that have ended did; 1.96 sd sqrt(1/left + 1/ended).
  TimeLeft left(double wall_s, double under_way, std::size_t left) const;

 private:
  double count_ = 0;
  double sum_ = 0;
  double sum_of_squares_ = 0;
};

/// What the progress line shows.
struct ProgressState {
  std::size_t total = 0;  ///< trials of the sweep
  std::size_t ended = 0;  ///< with a result, those of earlier runs included
  std::size_t failed = 0;
  double trials_per_s = 0;  ///< of this run
  std::size_t packs_training = 0;
  TimeLeft left = {};
};

/// "[####----] 22/36 trials  0 failed  4.1/s  2 training  left 0:03 ± 0:01"
std::string progress_line(const ProgressState& state);

/// Shows progress on a terminal as one line that changes, elsewhere as a line every ten seconds.
class ProgressPrinter {
 public:
  ProgressPrinter(std::ostream& out, bool is_terminal) : out_(out), is_terminal_(is_terminal) {}

  /// Shows the state if it is time to.
  void update(const ProgressState& state);

  /// Takes the changing line away, so that something else can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::ostream& out_;
  bool is_terminal_;
  bool is_shown_ = false;
  Clock::time_point last_ = Clock::now();
};

}  // namespace sweep
