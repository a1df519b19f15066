#include "sweep/schedule.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sweep {

Schedule::Schedule(std::vector<Pack> packs, const Options& options) : options_(options) {
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

std::vector<std::size_t> Schedule::end_lease(int worker) {
  const auto node = leases_.extract(worker);
  if (node.empty()) return {};
  auto lease = node.mapped();
  if (lease.pack.trials.empty()) return {};
  if (lease.attempt >= options_.max_attempts) return lease.pack.trials;
  for (auto trial = lease.pack.trials.rbegin(); trial != lease.pack.trials.rend(); ++trial) {
    waiting_.push_front({.pack = {.number = next_number_++,
                                  .combination = lease.pack.combination,
                                  .trials = {*trial}},
                         .attempt = lease.attempt + 1});
  }
  return {};
}

}  // namespace sweep
