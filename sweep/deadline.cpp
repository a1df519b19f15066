#include "sweep/deadline.hpp"

#include <limits>

#include "sweep/clock.hpp"

namespace sweep {
namespace {

constexpr double kMarginSeconds = 5;  // for MPI to end, and clocks that differ

}  // namespace

Deadline::Deadline(std::optional<double> end_s, double grace_s)
    : end_s_(end_s), grace_s_(grace_s) {}

double Deadline::left_s() const {
  if (!end_s_) return std::numeric_limits<double>::infinity();
  return *end_s_ - grace_s_ - kMarginSeconds - unix_now_s();
}

std::string Deadline::end_text() const {
  return end_s_ ? utc_text(*end_s_) : "";
}

}  // namespace sweep
