#include "sweep/packs_ahead.hpp"

#include <algorithm>
#include <cmath>

namespace sweep {
namespace {

constexpr double kAnswerSeconds = 0.05;  // several times as long as rank 0 sleeps
constexpr double kMostAhead = 64;

}  // namespace

std::size_t packs_ahead(double pack_s, std::size_t num_waiting, std::size_t num_workers) {
  if (num_workers == 0 || num_waiting == 0) return 0;
  const auto wanted =
      pack_s > 0 ? std::clamp(std::ceil(kAnswerSeconds / pack_s), 1.0, kMostAhead) : 1.0;
  return std::min(static_cast<std::size_t>(wanted), (num_waiting - 1) / num_workers);
}

}  // namespace sweep
