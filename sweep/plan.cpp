#include "sweep/plan.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>
#include <stdexcept>

namespace sweep {
namespace {

/// What a pack costs beyond its trials, in trials: its first batch, its messages.
constexpr double kPackOverhead = 0.25;

/// Into how many packs each group is cut.
using Cuts = std::vector<std::size_t>;

std::size_t divide_rounding_up(std::size_t count, std::size_t size) {
  return (count + size - 1) / size;
}

std::size_t width_of_widest(const PackGroup& group, std::size_t cuts) {
  return divide_rounding_up(group.trials.size(), cuts);
}

Cuts fewest_cuts(const std::vector<PackGroup>& groups) {
  Cuts cuts;
  for (const auto& group : groups) {
    cuts.push_back(
        divide_rounding_up(group.trials.size(), static_cast<std::size_t>(group.max_width)));
  }
  return cuts;
}

std::size_t num_packs(const Cuts& cuts) {
  return std::accumulate(cuts.begin(), cuts.end(), std::size_t{0});
}

/// Cuts the group with the widest packs once more. False if all packs have one trial.
bool cut_widest(const std::vector<PackGroup>& groups, Cuts& cuts) {
  std::size_t widest = 0;
  for (std::size_t i = 1; i < groups.size(); ++i) {
    if (width_of_widest(groups[i], cuts[i]) > width_of_widest(groups[widest], cuts[widest])) {
      widest = i;
    }
  }
  if (width_of_widest(groups[widest], cuts[widest]) <= 1) return false;
  ++cuts[widest];
  return true;
}

/// The widths of a group's packs, wide ones first.
std::vector<std::size_t> widths_of(const PackGroup& group, std::size_t cuts) {
  std::vector<std::size_t> widths(cuts, group.trials.size() / cuts);
  for (std::size_t i = 0; i < group.trials.size() % cuts; ++i)
    ++widths[i];
  return widths;
}

/// When the last rank ends if each takes the widest waiting pack, in trials.
double estimate_span(const std::vector<PackGroup>& groups, const Cuts& cuts, int num_ranks) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto more = widths_of(groups[i], cuts[i]);
    widths.insert(widths.end(), more.begin(), more.end());
  }
  std::ranges::sort(widths, std::greater<>());
  std::priority_queue<double, std::vector<double>, std::greater<>> ends;
  for (int rank = 0; rank < num_ranks; ++rank)
    ends.push(0);
  double last = 0;
  for (const auto width : widths) {
    const double end = ends.top() + kPackOverhead + static_cast<double>(width);
    ends.pop();
    ends.push(end);
    last = std::max(last, end);
  }
  return last;
}

/// Up to one more pack per rank, if that helps. With many packs a rank the end hardly matters.
Cuts even_out(const std::vector<PackGroup>& groups, Cuts cuts, int num_ranks) {
  constexpr std::size_t kManyPacksPerRank = 16;
  if (num_packs(cuts) >= kManyPacksPerRank * static_cast<std::size_t>(num_ranks)) return cuts;
  auto best = cuts;
  double shortest = estimate_span(groups, best, num_ranks);
  for (int extra = 0; extra < num_ranks && cut_widest(groups, cuts); ++extra) {
    const double span = estimate_span(groups, cuts, num_ranks);
    if (span < shortest) {
      shortest = span;
      best = cuts;
    }
  }
  return best;
}

}  // namespace

std::vector<Pack> cut_into_packs(const std::vector<PackGroup>& groups, int num_ranks) {
  if (num_ranks < 1) throw std::invalid_argument("a sweep needs at least one rank");
  if (groups.empty()) return {};
  auto cuts = fewest_cuts(groups);
  while (num_packs(cuts) < static_cast<std::size_t>(num_ranks) && cut_widest(groups, cuts)) {
  }
  cuts = even_out(groups, cuts, num_ranks);
  std::vector<Pack> packs;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    auto next = groups[i].trials.begin();
    for (const auto width : widths_of(groups[i], cuts[i])) {
      const auto end = next + static_cast<std::ptrdiff_t>(width);
      packs.push_back({.combination = groups[i].combination, .trials = {next, end}});
      next = end;
    }
  }
  std::ranges::stable_sort(packs, std::greater<>(),
                           [](const Pack& pack) { return pack.trials.size(); });
  for (std::size_t i = 0; i < packs.size(); ++i)
    packs[i].number = static_cast<std::int64_t>(i);
  return packs;
}

}  // namespace sweep
