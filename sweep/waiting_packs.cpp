#include "sweep/waiting_packs.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sweep {
namespace {

constexpr double kMostWaste = 1.25;  // a trial in a part may cost so much of one in the whole
constexpr double kCheap = 0.05;      // the fixed part of a pack that is cut without regret

/// The narrowest part of a pack that is worth it: t(w) / w <= 1.25 t(W) / W, and two fit into W.
/// W if there is none: half a pack takes nearly as long as a whole one.
std::size_t narrowest_part(const PackTime& time, std::size_t width) {
  const auto W = static_cast<double>(width);
  const double spare_s = kMostWaste * time.of(width) / W - time.per_trial_s;
  const double narrowest = std::max(1.0, std::ceil(time.fixed_s / spare_s));
  return 2 * narrowest <= W ? static_cast<std::size_t>(narrowest) : width;
}

}  // namespace

std::vector<Pack> cut(const Pack& pack, std::size_t width) {
  std::vector<Pack> parts;
  for (std::size_t i = 0; i < pack.trials.size(); i += width) {
    const auto begin = pack.trials.begin() + static_cast<std::ptrdiff_t>(i);
    const auto count = std::min(width, pack.trials.size() - i);
    parts.push_back({.combination = pack.combination,
                     .trials = {begin, begin + static_cast<std::ptrdiff_t>(count)},
                     .resume_from = pack.resume_from});
  }
  return parts;
}

bool WaitingPacks::Place::operator<(const Place& other) const {
  if (is_probe != other.is_probe) return is_probe;
  if (cost != other.cost) return cost > other.cost;
  return combination < other.combination;
}

WaitingPacks::WaitingPacks(Workload work, CostModel costs, int num_workers)
    : costs_(std::move(costs)), num_workers_(num_workers) {
  for (auto& pack : work.saved)
    front_.push_back({.pack = std::move(pack)});
  for (auto& group : work.groups) {
    if (group.combination >= queues_.size()) queues_.resize(group.combination + 1);
    auto& queue = queues_[group.combination];
    queue.trials = std::move(group.trials);
    queue.max_width = group.max_width;
    enter(group.combination);
  }
}

std::optional<Lease> WaitingPacks::take(double busy_s, double most_s) {
  std::optional<Lease> lease;
  if (const auto first = first_in_front(most_s); first != front_.end()) {
    lease = *first;
    front_.erase(first);
  } else if (const auto combination = first_combination(most_s)) {
    lease = take_from(*combination, width_of_next(*combination, busy_s));
  }
  if (!lease) return std::nullopt;
  lease->pack.number = next_number_++;
  lease->width = lease->pack.resume_from == 0 ? lease->pack.trials.size() : 0;
  return lease;
}

bool WaitingPacks::has_pack_within(double most_s) const {
  return first_in_front(most_s) != front_.end() || first_combination(most_s).has_value();
}

HeldBack WaitingPacks::held_back(double most_s) const {
  HeldBack held;
  double shortest_s = kAnyTime;
  const auto add = [&](double seconds, std::size_t num_packs, std::size_t num_trials) {
    if (is_within(seconds, most_s)) return;
    held.num_packs += num_packs;
    held.num_trials += num_trials;
    shortest_s = std::min(shortest_s, seconds);
  };
  for (const auto& lease : front_)
    add(seconds_of(lease), 1, lease.pack.trials.size());
  for (std::size_t combination = 0; combination < queues_.size(); ++combination) {
    const auto& queue = queues_[combination];
    if (queue.num_trials() == 0) continue;
    add(seconds_of_next(combination), queue.num_packs, queue.num_trials());
  }
  if (held.num_packs > 0 && costs_.has_learned()) held.shortest_s = shortest_s;
  return held;
}

void WaitingPacks::put_in_front(Lease lease) {
  front_.push_front(std::move(lease));
}

void WaitingPacks::narrow(std::size_t combination, std::size_t width) {
  std::deque<Lease> narrowed;
  for (auto& lease : front_) {
    if (lease.pack.combination != combination || lease.pack.trials.size() <= width) {
      narrowed.push_back(std::move(lease));
      continue;
    }
    for (auto& part : cut(lease.pack, width))
      narrowed.push_back(
          {.pack = std::move(part), .attempt = lease.attempt, .skipped = lease.skipped});
  }
  front_ = std::move(narrowed);
  if (combination >= queues_.size()) return;
  leave(combination);
  queues_[combination].max_width = std::min(queues_[combination].max_width, width);
  enter(combination);
}

void WaitingPacks::learn(std::size_t combination, std::size_t width, double seconds) {
  if (combination < queues_.size()) leave(combination);
  costs_.learn(combination, width, seconds);
  if (combination < queues_.size()) enter(combination);
}

bool WaitingPacks::has_checkpoint(std::uint64_t key) const {
  return std::ranges::any_of(front_,
                             [&](const Lease& lease) { return lease.pack.resume_from == key; });
}

/// Gives a combination its place, by what is known of it now.
void WaitingPacks::enter(std::size_t combination) {
  auto& queue = queues_[combination];
  if (queue.num_trials() == 0) return;
  queue.num_packs = count_packs(queue.num_trials(), queue.max_width);
  num_packs_ += queue.num_packs;
  const auto num_packs = static_cast<double>(queue.num_packs);
  const auto num_trials = static_cast<double>(queue.num_trials());
  const auto width = width_of_widest(queue.num_trials(), queue.max_width);
  queue.is_measured = costs_.is_measured(combination);
  if (queue.is_measured) {
    const auto time = costs_.predict(combination);
    queue.place = {.cost = time.of(width), .combination = combination};
    queue.amount = {.seconds = time.fixed_s * num_packs + time.per_trial_s * num_trials};
  } else {
    const double hint = costs_.hint(combination);
    queue.place = {.is_probe = queue.num_taken == 0 && num_packs > 1,
                   .cost = hint * static_cast<double>(width),
                   .combination = combination};
    queue.amount = {.packs = hint * num_packs, .trials = hint * num_trials};
  }
  amount_.add(queue.amount, 1);
  order_of(queue).insert(queue.place);
}

/// Takes a combination out of the order, before anything about it changes.
void WaitingPacks::leave(std::size_t combination) {
  const auto& queue = queues_[combination];
  if (queue.num_trials() == 0) return;
  num_packs_ -= queue.num_packs;
  amount_.add(queue.amount, -1);
  order_of(queue).erase(queue.place);
}

void WaitingPacks::Amount::add(const Amount& other, double factor) {
  seconds += factor * other.seconds;
  packs += factor * other.packs;
  trials += factor * other.trials;
}

std::set<WaitingPacks::Place>& WaitingPacks::order_of(const Queue& queue) {
  return queue.is_measured ? measured_ : unmeasured_;
}

/// Whether a pack may be taken that the cost model gives so many seconds.
bool WaitingPacks::is_within(double seconds, double most_s) const {
  return costs_.has_learned() ? seconds <= most_s : most_s >= kLeastTrySeconds;
}

double WaitingPacks::seconds_of(const Lease& lease) const {
  const auto time = costs_.predict(lease.pack.combination);
  return (1 - lease.skipped) * time.of(lease.pack.trials.size());
}

/// Of the next pack of a combination, if it is not cut.
double WaitingPacks::seconds_of_next(std::size_t combination) const {
  const auto& queue = queues_[combination];
  const auto width = width_of_widest(queue.num_trials(), queue.max_width);
  return costs_.predict(combination).of(width);
}

std::deque<Lease>::const_iterator WaitingPacks::first_in_front(double most_s) const {
  return std::ranges::find_if(
      front_, [&](const Lease& lease) { return is_within(seconds_of(lease), most_s); });
}

/// Their places are in order of seconds.
std::set<WaitingPacks::Place>::const_iterator WaitingPacks::first_measured(double most_s) const {
  return measured_.lower_bound({.cost = most_s});
}

std::set<WaitingPacks::Place>::const_iterator WaitingPacks::first_unmeasured(double most_s) const {
  return std::ranges::find_if(unmeasured_, [&](const Place& place) {
    return is_within(seconds_of_next(place.combination), most_s);
  });
}

std::optional<std::size_t> WaitingPacks::first_combination(double most_s) const {
  const auto measured = first_measured(most_s);
  const auto unmeasured = first_unmeasured(most_s);
  if (unmeasured == unmeasured_.end()) {
    return measured == measured_.end() ? std::nullopt : std::optional(measured->combination);
  }
  if (measured == measured_.end() || unmeasured->is_probe) return unmeasured->combination;
  const Place predicted = {.cost = seconds_of_next(unmeasured->combination),
                           .combination = unmeasured->combination};
  return std::min(predicted, *measured).combination;
}

Lease WaitingPacks::take_from(std::size_t combination, std::size_t width) {
  leave(combination);
  auto& queue = queues_[combination];
  const auto begin = queue.trials.begin() + static_cast<std::ptrdiff_t>(queue.num_taken);
  Lease lease = {.pack = {.combination = combination,
                          .trials = {begin, begin + static_cast<std::ptrdiff_t>(width)}}};
  queue.num_taken += width;
  enter(combination);
  return lease;
}

std::size_t WaitingPacks::width_of_next(std::size_t combination, double busy_s) const {
  const auto& queue = queues_[combination];
  const auto whole = width_of_widest(queue.num_trials(), queue.max_width);
  const auto time = costs_.predict(combination);
  const double share = share_s(queue, time.fixed_s / time.of(whole), busy_s) / time.of(whole);
  const double fair = std::round(share * static_cast<double>(whole));
  if (!std::isfinite(fair)) return whole;
  const auto narrowest = narrowest_part(time, whole);
  if (fair >= static_cast<double>(whole) || narrowest == whole) return whole;
  return std::clamp(static_cast<std::size_t>(fair), narrowest, whole - narrowest);
}

/// A worker's part of all that is left. Where parts cost hardly more than a whole pack, it is that
/// of what waits, as if the others were about to end, which forgives predictions that are wrong
/// (guided self-scheduling); and half of that while nothing but a hint tells.
double WaitingPacks::share_s(const Queue& queue, double fixed_part, double busy_s) const {
  if (fixed_part > kCheap) return (waiting_s() + busy_s) / num_workers_;
  const double part_of_others = queue.is_measured ? 1 : 2;
  return waiting_s() / (1 + part_of_others * (num_workers_ - 1));
}

double WaitingPacks::waiting_s() const {
  const auto unmeasured = costs_.predict_unmeasured();
  return std::max(0.0, amount_.seconds + unmeasured.fixed_s * amount_.packs +
                           unmeasured.per_trial_s * amount_.trials);
}

}  // namespace sweep
