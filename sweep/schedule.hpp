#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "sweep/plan.hpp"

namespace sweep {

/// A pack lent to one worker.
struct Lease {
  Pack pack = {};
  int attempt = 1;  ///< counts from 1
};

/// Decides which pack a worker trains next. Pure bookkeeping: no MPI, no clock, no files.
///
///   Schedule schedule(packs, {.max_attempts = 2});
///   if (const auto lease = schedule.lend(worker)) send(*lease);
///
/// A lease ends with end_lease(), when its trainer is done or lost. Trials without a result then
/// wait again, in front of all others, as the next attempt; each alone, so that one bad trial costs
/// only itself. Those of a last attempt are given up.
class Schedule {
 public:
  struct Options {
    int max_attempts = 2;  ///< tries at a pack whose trainer dies, >= 1
  };

  Schedule(std::vector<Pack> packs, const Options& options);

  /// The next lease for a worker without one; nothing if no pack waits.
  const Lease* lend(int worker);

  /// The lease a worker holds, or null.
  const Lease* lease_of(int worker) const;

  /// One trial of a worker's lease has its result. False if it is not (or no longer) in the lease.
  bool finish_trial(int worker, std::size_t trial);

  /// Ends a worker's lease. Returns the trials that are given up.
  std::vector<std::size_t> end_lease(int worker);

  std::size_t num_waiting() const { return waiting_.size(); }
  std::size_t num_lent() const { return leases_.size(); }
  bool is_finished() const { return waiting_.empty() && leases_.empty(); }

 private:
  Options options_;
  std::int64_t next_number_ = 0;  // of a pack
  std::deque<Lease> waiting_;
  std::map<int, Lease> leases_;  // by worker; their packs hold the trials without a result
};

}  // namespace sweep
