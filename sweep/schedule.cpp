#include "sweep/schedule.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sweep {
namespace {

using protocol::Cause;

constexpr std::size_t kMostParts = 8;  // of a pack that failed: a wide one is not worth one by one

/// Packs of at most `width` trials that hold those of `pack`, in order.
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

std::size_t divide_rounding_up(std::size_t count, std::size_t parts) {
  return (count + parts - 1) / parts;
}

}  // namespace

Retries default_retries() {
  return {{Cause::exception, 0},
          {Cause::crash, 1},
          {Cause::killed, 5},
          {Cause::hang, 1},
          {Cause::out_of_memory, 1}};
}

Schedule::Schedule(std::vector<Pack> packs, Retries retries) : retries_(std::move(retries)) {
  for (auto& pack : packs) {
    next_number_ = std::max(next_number_, pack.number + 1);
    waiting_.push_back({.pack = std::move(pack)});
  }
}

const Lease* Schedule::lend(int worker) {
  assert(!leases_.contains(worker));
  if (waiting_.empty()) return nullptr;
  const auto [lease, is_new] = leases_.emplace(worker, std::move(waiting_.front()));
  waiting_.pop_front();
  return &lease->second;
}

const Lease* Schedule::lease_of(int worker) const {
  const auto lease = leases_.find(worker);
  return lease == leases_.end() ? nullptr : &lease->second;
}

bool Schedule::finish_trial(int worker, std::size_t trial) {
  const auto lease = leases_.find(worker);
  return lease != leases_.end() && std::erase(lease->second.pack.trials, trial) > 0;
}

bool Schedule::fail_trial(int worker, std::size_t trial, Cause cause) {
  if (!finish_trial(worker, trial)) return false;
  auto lease = leases_.at(worker);
  lease.pack.trials = {trial};
  if (!may_try_again(lease, cause)) return true;
  lease.pack.resume_from = 0;
  await(std::move(lease));
  return false;
}

std::vector<std::size_t> Schedule::end_lease(int worker, Cause cause, std::uint64_t checkpoint) {
  const auto node = leases_.extract(worker);
  if (node.empty()) return {};
  auto lease = node.mapped();
  const auto num_trials = lease.pack.trials.size();
  if (num_trials == 0) return {};
  if (num_trials > 1) {
    const auto num_parts = cause == Cause::out_of_memory ? 2 : std::min(num_trials, kMostParts);
    const auto width = divide_rounding_up(num_trials, num_parts);
    if (cause == Cause::out_of_memory) narrow_waiting(lease.pack.combination, width);
    try_apart(lease, width, checkpoint);
    return {};
  }
  if (!may_try_again(lease, cause)) return lease.pack.trials;
  lease.pack.resume_from = checkpoint;
  await(std::move(lease));
  return {};
}

bool Schedule::is_awaited(std::uint64_t checkpoint) const {
  return std::ranges::any_of(
      waiting_, [&](const Lease& lease) { return lease.pack.resume_from == checkpoint; });
}

/// Counts a failure of a lease's one trial.
bool Schedule::may_try_again(Lease& lease, Cause cause) const {
  const auto limit = retries_.find(cause);
  return ++lease.failures[cause] <= (limit == retries_.end() ? 0 : limit->second);
}

void Schedule::try_apart(const Lease& lease, std::size_t width, std::uint64_t checkpoint) {
  auto parts = cut(lease.pack, width);
  std::ranges::reverse(parts);  // the first one ends up in front
  for (auto& part : parts) {
    part.resume_from = checkpoint;
    await({.pack = std::move(part), .attempt = lease.attempt});
  }
}

/// Cuts waiting packs that would need too much memory as well.
void Schedule::narrow_waiting(std::size_t combination, std::size_t width) {
  std::deque<Lease> narrowed;
  for (auto& lease : waiting_) {
    if (lease.pack.combination != combination || lease.pack.trials.size() <= width) {
      narrowed.push_back(std::move(lease));
      continue;
    }
    for (auto& part : cut(lease.pack, width)) {
      part.number = next_number_++;
      narrowed.push_back({.pack = std::move(part), .attempt = lease.attempt});
    }
  }
  waiting_ = std::move(narrowed);
}

/// Puts what is left of a lease in front, as its next attempt. A new number keeps late messages of
/// the former attempt from being taken for its own.
void Schedule::await(Lease lease) {
  lease.pack.number = next_number_++;
  ++lease.attempt;
  waiting_.push_front(std::move(lease));
}

}  // namespace sweep
