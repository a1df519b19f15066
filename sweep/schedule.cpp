#include "sweep/schedule.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sweep {
namespace {

using protocol::Cause;

constexpr std::size_t kMostParts = 8;  // of a pack that failed: a wide one is not worth one by one

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

Schedule::Schedule(WaitingPacks waiting, Retries retries)
    : retries_(std::move(retries)), waiting_(std::move(waiting)) {}

const Lease* Schedule::lend(int worker, double now_s) {
  assert(!leases_.contains(worker));
  auto next = waiting_.take(busy_s(now_s));
  if (!next) return nullptr;
  next->begin_s = now_s;
  next->predicted_s = waiting_.costs().predict(next->pack.combination).of(next->pack.trials.size());
  sum_of_begins_s_ += next->begin_s;
  sum_of_predicted_s_ += next->predicted_s;
  return &leases_.emplace(worker, std::move(*next)).first->second;
}

/// What the workers still have to do. Nothing can be said of time that has passed as long as
/// predictions are in units of the hints, but then all have just begun.
double Schedule::busy_s(double now_s) const {
  const auto num_leases = static_cast<double>(leases_.size());
  const bool is_in_seconds = waiting_.costs().has_learned();
  const double passed_s = is_in_seconds ? num_leases * now_s - sum_of_begins_s_ : 0;
  return std::max(0.0, sum_of_predicted_s_ - passed_s);
}

/// The first pack that finishes turns the units of the hints into seconds.
void Schedule::predict_again() {
  sum_of_predicted_s_ = 0;
  for (auto& [worker, lease] : leases_) {
    lease.predicted_s = waiting_.costs().predict(lease.pack.combination).of(lease.width);
    sum_of_predicted_s_ += lease.predicted_s;
  }
}

void Schedule::take_back(const Lease& lease) {
  sum_of_begins_s_ -= lease.begin_s;
  sum_of_predicted_s_ -= lease.predicted_s;
}

void Schedule::drop_lease(int worker) {
  const auto lease = leases_.find(worker);
  if (lease == leases_.end()) return;
  take_back(lease->second);
  leases_.erase(lease);
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
  leases_.at(worker).width = 0;
  auto lease = leases_.at(worker);
  lease.pack.trials = {trial};
  if (!may_try_again(lease, cause)) return true;
  lease.pack.resume_from = 0;
  await(std::move(lease));
  return false;
}

void Schedule::learn(int worker, double seconds) {
  const auto lease = leases_.find(worker);
  if (lease == leases_.end() || !lease->second.pack.trials.empty()) return;
  const bool is_first = !waiting_.costs().has_learned();
  waiting_.learn(lease->second.pack.combination, lease->second.width, seconds);
  if (is_first) predict_again();
}

std::vector<std::size_t> Schedule::end_lease(int worker, Cause cause, std::uint64_t checkpoint) {
  const auto node = leases_.extract(worker);
  if (node.empty()) return {};
  auto lease = node.mapped();
  take_back(lease);
  const auto num_trials = lease.pack.trials.size();
  if (num_trials == 0) return {};
  if (num_trials > 1) {
    const auto num_parts = cause == Cause::out_of_memory ? 2 : std::min(num_trials, kMostParts);
    const auto width = divide_rounding_up(num_trials, num_parts);
    if (cause == Cause::out_of_memory) waiting_.narrow(lease.pack.combination, width);
    try_apart(lease, width, checkpoint);
    return {};
  }
  if (!may_try_again(lease, cause)) return lease.pack.trials;
  lease.pack.resume_from = checkpoint;
  await(std::move(lease));
  return {};
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

/// What is left of a lease is its next attempt.
void Schedule::await(Lease lease) {
  ++lease.attempt;
  waiting_.put_in_front(std::move(lease));
}

}  // namespace sweep
