#include "sweep/schedule.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace sweep {
namespace {

using protocol::Cause;

constexpr std::size_t kMostParts = 8;  // of a pack that failed: a wide one is not worth one by one

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

void Schedule::end_at(double end_s, double checkpoint_every_s) {
  end_s_ = end_s;
  checkpoint_every_s_ = checkpoint_every_s;
}

const Lease* Schedule::lend(int worker, double now_s) {
  now_s_ = now_s;
  auto next = waiting_.take(busy_s(), most_s(left_for_next_s(worker)));
  if (!next) return nullptr;
  next->predicted_s = predict(*next);
  sum_of_predicted_s_ += next->predicted_s;
  ++num_leases_;
  auto& leases = leases_[worker];
  leases.push_back(std::move(*next));
  if (leases.size() == 1) begin(leases.front());
  return &leases.back();
}

/// A worker starts on a lease.
void Schedule::begin(Lease& lease) {
  lease.begin_s = now_s_;
  sum_of_begins_s_ += now_s_;
}

/// What the workers still have to do. Nothing can be said of time that has passed as long as
/// predictions are in units of the hints, but then all have just begun.
double Schedule::busy_s() const {
  const auto num_training = static_cast<double>(leases_.size());
  const bool is_in_seconds = waiting_.costs().has_learned();
  const double passed_s = is_in_seconds ? num_training * now_s_ - sum_of_begins_s_ : 0;
  return std::max(0.0, sum_of_predicted_s_ - passed_s);
}

/// What the longest pack may take that begins with so much time left: any, if it is saved before.
double Schedule::most_s(double left_s) const {
  if (checkpoint_every_s_ > 0 && left_s >= checkpoint_every_s_) return WaitingPacks::kAnyTime;
  return left_s;
}

/// What the lease that a worker trains still takes.
double Schedule::remaining_s(const Lease& lease) const {
  return std::max(0.0, lease.predicted_s - (now_s_ - lease.begin_s));
}

double Schedule::predict(const Lease& lease) const {
  const auto num_trials = std::max(lease.width, lease.pack.trials.size());
  return (1 - lease.skipped) * waiting_.costs().predict(lease.pack.combination).of(num_trials);
}

/// The time that is left when a worker will be done with all that it holds. While nobody knows how
/// long that takes, as if it were nothing, or none where the end is near.
double Schedule::left_for_next_s(int worker) const {
  const double left = left_s();
  const auto leases = leases_.find(worker);
  if (leases == leases_.end()) return left;
  if (!waiting_.costs().has_learned()) return most_s(left) == WaitingPacks::kAnyTime ? left : 0;
  return std::accumulate(leases->second.begin() + 1, leases->second.end(),
                         left - remaining_s(leases->second.front()),
                         [](double rest, const Lease& lease) { return rest - lease.predicted_s; });
}

bool Schedule::is_in_time(int worker) const {
  const auto leases = leases_.find(worker);
  if (leases == leases_.end() || leases->second.size() < 2) return true;
  if (!waiting_.costs().has_learned()) return most_s(left_s()) == WaitingPacks::kAnyTime;
  double left = left_s() - remaining_s(leases->second.front());
  return std::all_of(leases->second.begin() + 1, leases->second.end(), [&](const Lease& lease) {
    const bool has_time = lease.predicted_s <= most_s(left);
    left -= lease.predicted_s;
    return has_time;
  });
}

HeldBack Schedule::held_back() const {
  auto held = waiting_.held_back(most_s(left_s()));
  held.left_s = left_s();
  return held;
}

bool Schedule::is_out_of_time() const {
  return leases_.empty() && !waiting_.empty() && !waiting_.has_pack_within(most_s(left_s()));
}

/// The first pack that finishes turns the units of the hints into seconds.
void Schedule::predict_again() {
  sum_of_predicted_s_ = 0;
  for (auto& [worker, leases] : leases_) {
    for (auto& lease : leases) {
      lease.predicted_s = predict(lease);
      sum_of_predicted_s_ += lease.predicted_s;
    }
  }
}

const Lease* Schedule::lease_of(int worker) const {
  const auto leases = leases_.find(worker);
  return leases == leases_.end() ? nullptr : &leases->second.front();
}

std::size_t Schedule::num_lent_to(int worker) const {
  const auto leases = leases_.find(worker);
  return leases == leases_.end() ? 0 : leases->second.size();
}

void Schedule::tell_progress(int worker, double progress) {
  const auto leases = leases_.find(worker);
  if (leases != leases_.end()) leases->second.front().progress = progress;
}

bool Schedule::finish_trial(int worker, std::size_t trial) {
  const auto leases = leases_.find(worker);
  if (leases == leases_.end()) return false;
  auto& trials = leases->second.front().pack.trials;
  const auto finished = std::ranges::find(trials, trial);  // mostly the first
  if (finished == trials.end()) return false;
  trials.erase(finished);
  return true;
}

bool Schedule::fail_trial(int worker, std::size_t trial, Cause cause) {
  if (!finish_trial(worker, trial)) return false;
  leases_.at(worker).front().width = 0;
  auto lease = *lease_of(worker);
  lease.pack.trials = {trial};
  if (!may_try_again(lease, cause)) return true;
  go_on_from(lease, /*checkpoint=*/0);
  await(std::move(lease));
  return false;
}

void Schedule::learn(int worker, double seconds) {
  const auto* lease = lease_of(worker);
  if (lease == nullptr || !lease->pack.trials.empty()) return;
  const bool is_first = !waiting_.costs().has_learned();
  waiting_.learn(lease->pack.combination, lease->width, seconds);
  if (is_first) predict_again();
}

std::vector<std::size_t> Schedule::end_lease(int worker, Cause cause, std::uint64_t checkpoint) {
  auto ended = take_first(worker);
  if (!ended || ended->pack.trials.empty()) return {};
  auto& lease = *ended;
  go_on_from(lease, checkpoint);
  const auto num_trials = lease.pack.trials.size();
  if (num_trials > 1) {
    const auto num_parts = cause == Cause::out_of_memory ? 2 : std::min(num_trials, kMostParts);
    const auto width = divide_rounding_up(num_trials, num_parts);
    if (cause == Cause::out_of_memory) narrow(lease.pack.combination, width);
    try_apart(lease, width);
    return {};
  }
  if (!may_try_again(lease, cause)) return lease.pack.trials;
  await(std::move(lease));
  return {};
}

bool Schedule::give_back(int worker, std::int64_t pack, std::uint64_t checkpoint) {
  const auto leases = leases_.find(worker);
  if (leases == leases_.end()) return false;
  const auto found =
      std::ranges::find(leases->second, pack, [](const Lease& each) { return each.pack.number; });
  if (found == leases->second.end()) return false;
  auto lease = take(leases, found);
  go_on_from(lease, checkpoint);
  const auto combination = lease.pack.combination;
  waiting_.put_in_front(std::move(lease));
  const auto narrowed = most_trials_.find(combination);
  if (narrowed != most_trials_.end()) waiting_.narrow(combination, narrowed->second);
  return true;
}

void Schedule::narrow(std::size_t combination, std::size_t width) {
  auto& most = most_trials_.try_emplace(combination, width).first->second;
  most = std::min(most, width);
  waiting_.narrow(combination, most);
}

std::optional<Lease> Schedule::take_first(int worker) {
  const auto leases = leases_.find(worker);
  if (leases == leases_.end()) return std::nullopt;
  return take(leases, leases->second.begin());
}

/// Where it was the first, the worker starts on the next.
Lease Schedule::take(std::map<int, Leases>::iterator leases, Leases::iterator lease) {
  auto taken = std::move(*lease);
  --num_leases_;
  sum_of_predicted_s_ -= taken.predicted_s;
  const bool was_first = lease == leases->second.begin();
  if (was_first) sum_of_begins_s_ -= taken.begin_s;
  leases->second.erase(lease);
  if (leases->second.empty()) {
    leases_.erase(leases);
  } else if (was_first) {
    begin(leases->second.front());
  }
  return taken;
}

/// Counts a failure of a lease's one trial.
bool Schedule::may_try_again(Lease& lease, Cause cause) const {
  const auto limit = retries_.find(cause);
  return ++lease.failures[cause] <= (limit == retries_.end() ? 0 : limit->second);
}

/// What its checkpoint holds need not be trained again.
void Schedule::go_on_from(Lease& lease, std::uint64_t checkpoint) {
  lease.pack.resume_from = checkpoint;
  lease.skipped = checkpoint == 0 ? 0 : std::max(lease.skipped, lease.progress);
  lease.progress = 0;
}

void Schedule::try_apart(const Lease& lease, std::size_t width) {
  auto parts = cut(lease.pack, width);
  std::ranges::reverse(parts);  // the first one ends up in front
  for (auto& part : parts)
    await({.pack = std::move(part), .attempt = lease.attempt, .skipped = lease.skipped});
}

/// What is left of a lease is its next attempt.
void Schedule::await(Lease lease) {
  ++lease.attempt;
  waiting_.put_in_front(std::move(lease));
}

}  // namespace sweep
