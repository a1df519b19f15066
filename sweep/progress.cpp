#include "sweep/progress.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "sweep/clock.hpp"

namespace sweep {
namespace {

constexpr std::size_t kBarWidth = 20;
constexpr std::chrono::milliseconds kTerminalPause{100};
constexpr std::chrono::seconds kLogPause{10};

/// Minutes and seconds, since tenths of a second would only flicker.
std::string clock_text(double seconds) {
  const auto whole = std::lround(std::clamp(seconds, 0.0, 1e8));
  return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                      : format_duration(static_cast<double>(whole));
}

std::string left_text(const TimeLeft& left) {
  if (left.seconds < 0) return "left ?";
  const auto text = "left " + clock_text(left.seconds);
  return left.uncertainty < 0 ? text : text + " ± " + clock_text(left.uncertainty);
}

}  // namespace

void TimeEstimate::add(double elapsed_s) {
  count_ += 1;
  sum_ += elapsed_s;
  sum_of_squares_ += elapsed_s * elapsed_s;
}

TimeLeft TimeEstimate::left(double wall_s, double under_way, std::size_t left) const {
  const double work = count_ + under_way;
  if (left == 0) return {.seconds = 0, .uncertainty = 0};
  if (work <= 0 || wall_s <= 0) return {};
  const auto waiting = std::max(0.0, static_cast<double>(left) - under_way);
  const double seconds = waiting * wall_s / work;
  if (count_ < 2 || sum_ <= 0) return {.seconds = seconds};
  const double mean = sum_ / count_;
  const double variance = std::max(0.0, sum_of_squares_ / count_ - mean * mean);
  const double relative =
      1.96 * std::sqrt(variance) / mean * std::sqrt(1 / static_cast<double>(left) + 1 / count_);
  return {.seconds = seconds, .uncertainty = seconds * relative};
}

std::string progress_line(const ProgressState& state) {
  const auto filled = state.total == 0 ? 0 : kBarWidth * state.ended / state.total;
  return fmt::format("[{}{}] {}/{} trials  {} failed  {:.3g}/s  {} training  {}",
                     std::string(filled, '#'), std::string(kBarWidth - filled, '-'), state.ended,
                     state.total, state.failed, state.trials_per_s, state.packs_training,
                     left_text(state.left));
}

void ProgressPrinter::update(const ProgressState& state) {
  const auto now = Clock::now();
  const auto pause = is_terminal_ ? Clock::duration(kTerminalPause) : Clock::duration(kLogPause);
  if (now - last_ < pause) return;
  last_ = now;
  if (is_terminal_) {
    out_ << "\r\x1b[K" << progress_line(state) << std::flush;
    is_shown_ = true;
  } else {
    out_ << progress_line(state) << std::endl;
  }
}

void ProgressPrinter::clear() {
  if (is_shown_) out_ << "\r\x1b[K" << std::flush;
  is_shown_ = false;
}

}  // namespace sweep
