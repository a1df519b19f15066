#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "protocol/messages.hpp"
#include "sweep/waiting_packs.hpp"

namespace sweep {

/// Once more for what another try may mend; an exception would come again, and a trainer that was
/// killed is seldom to blame.
Retries default_retries();

/// Decides which pack a worker trains next. Pure bookkeeping: no MPI, no clock, no files.
///
///   Schedule schedule(WaitingPacks(work, costs, num_workers), default_retries());
///   if (const auto lease = schedule.lend(worker, now_s)) send(*lease);
///
/// A lease ends with end_lease(), when its trainer is done or lost. Trials without a result then
/// wait again, in front of all others, as the next attempt. Those of a pack are tried apart, which
/// finds the bad one among them; a trial that fails alone is tried again as often as its cause
/// allows, then given up.
class Schedule {
 public:
  Schedule(WaitingPacks waiting, Retries retries);

  /// The next lease for a worker without one; nothing if no pack waits. `now_s` counts from any
  /// moment on, and never falls.
  const Lease* lend(int worker, double now_s);

  /// The lease a worker holds, or null.
  const Lease* lease_of(int worker) const;

  /// One trial of a worker's lease has its result. False if it is not (or no longer) in the lease.
  bool finish_trial(int worker, std::size_t trial);

  /// One trial of a worker's lease has failed while the others go on. True if it is given up.
  bool fail_trial(int worker, std::size_t trial, protocol::Cause cause);

  /// A worker's trainer has trained its lease in that time; to be said before the lease ends. A
  /// pack that went on from a checkpoint, or without a result for each trial, teaches nothing.
  void learn(int worker, double seconds);

  /// Ends a worker's lease. Trials without a result go on from `checkpoint` (0: from none).
  /// Returns those that are given up.
  std::vector<std::size_t> end_lease(int worker, protocol::Cause cause, std::uint64_t checkpoint);

  /// Ends a worker's lease and forgets what is left of it.
  void drop_lease(int worker);

  /// Whether a pack that waits goes on from this checkpoint.
  bool is_awaited(std::uint64_t checkpoint) const { return waiting_.has_checkpoint(checkpoint); }

  std::size_t num_lent() const { return leases_.size(); }
  bool is_finished() const { return waiting_.empty() && leases_.empty(); }

 private:
  bool may_try_again(Lease& lease, protocol::Cause cause) const;
  void try_apart(const Lease& lease, std::size_t width, std::uint64_t checkpoint);
  void await(Lease lease);
  void take_back(const Lease& lease);
  double busy_s(double now_s) const;
  void predict_again();

  Retries retries_;
  WaitingPacks waiting_;
  std::map<int, Lease> leases_;    // by worker; their packs hold the trials without a result
  double sum_of_predicted_s_ = 0;  // of all leases
  double sum_of_begins_s_ = 0;     // likewise
};

}  // namespace sweep
