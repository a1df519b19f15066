#include "sweep/plan.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace sweep {
namespace {

/// The packs of all groups, none wider than `limit`.
std::size_t sum_of_packs(const std::vector<PackGroup>& groups, std::size_t limit) {
  return std::accumulate(groups.begin(), groups.end(), std::size_t{0},
                         [limit](std::size_t sum, const PackGroup& group) {
                           const auto width = std::min(group.max_width, limit);
                           return sum + count_packs(group.trials.size(), width);
                         });
}

}  // namespace

std::size_t divide_rounding_up(std::size_t count, std::size_t size) {
  return (count + size - 1) / size;
}

std::size_t count_packs(std::size_t num_trials, std::size_t max_width) {
  return divide_rounding_up(num_trials, max_width);
}

std::size_t width_of_widest(std::size_t num_trials, std::size_t max_width) {
  return num_trials == 0 ? 0 : divide_rounding_up(num_trials, count_packs(num_trials, max_width));
}

std::size_t count_packs(const Workload& work) {
  return work.saved.size() + sum_of_packs(work.groups, std::numeric_limits<std::size_t>::max());
}

std::vector<PackGroup> narrow_for_ranks(std::vector<PackGroup> groups, int num_ranks) {
  if (num_ranks < 1) throw std::invalid_argument("a sweep needs at least one rank");
  std::size_t limit = 1;
  for (const auto& group : groups)
    limit = std::max(limit, width_of_widest(group.trials.size(), group.max_width));
  while (limit > 1 && sum_of_packs(groups, limit) < static_cast<std::size_t>(num_ranks))
    --limit;
  for (auto& group : groups)
    group.max_width = std::min(group.max_width, limit);
  return groups;
}

}  // namespace sweep
