#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
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
/// A worker may hold several leases: it trains the first, the others lie ready for when that ends.
/// What is said of a worker's lease is said of the first.
///
/// A lease ends with end_lease(), when its trainer is done or lost. Trials without a result then
/// wait again, in front of all others, as the next attempt. Those of a pack are tried apart, which
/// finds the bad one among them; a trial that fails alone is tried again as often as its cause
/// allows, then given up.
class Schedule {
 public:
  Schedule(WaitingPacks waiting, Retries retries);

  /// From now on, nothing is lent that reaches neither its end nor its next checkpoint before
  /// `end_s`, in the time of lend(). `checkpoint_every_s`: of a pack; 0: never.
  void end_at(double end_s, double checkpoint_every_s);

  /// The next lease for a worker, behind those that it holds; nothing if no pack waits, or none
  /// that there is time for. `now_s` counts from any moment on, and never falls.
  const Lease* lend(int worker, double now_s);

  /// Tells the time, from which a pack that lay ready begins; `now_s` as for lend().
  void tell_time(double now_s) { now_s_ = now_s; }

  /// The first lease that a worker holds, or null.
  const Lease* lease_of(int worker) const;

  /// How many leases a worker holds.
  std::size_t num_lent_to(int worker) const;

  /// A worker's lease is trained so far, 0 to 1; its checkpoint is taken to be.
  void tell_progress(int worker, double progress);

  /// Whether there is time for all that a worker holds beside the lease that it trains.
  bool is_in_time(int worker) const;

  /// Packs that wait and will not be lent any more, unless packs turn out to be shorter.
  HeldBack held_back() const;

  /// True when nothing is lent, and all that waits is held back.
  bool is_out_of_time() const;

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
  void drop_lease(int worker) { take_first(worker); }

  /// A worker has not begun this pack, and will not: it waits again in front of all others, no
  /// wider than packs of its combination may be by now. It goes on from `checkpoint` (0: from
  /// none). False if the worker does not hold it.
  bool give_back(int worker, std::int64_t pack, std::uint64_t checkpoint);

  /// Whether a pack that waits goes on from this checkpoint.
  bool is_awaited(std::uint64_t checkpoint) const { return waiting_.has_checkpoint(checkpoint); }

  std::size_t num_waiting() const { return waiting_.size(); }
  std::size_t num_training() const { return leases_.size(); }

  /// Packs that lie ready at workers that train others.
  std::size_t num_ahead() const { return num_leases_ - leases_.size(); }
  bool is_finished() const { return waiting_.empty() && leases_.empty(); }

 private:
  using Leases = std::deque<Lease>;  // never empty

  bool may_try_again(Lease& lease, protocol::Cause cause) const;
  static void go_on_from(Lease& lease, std::uint64_t checkpoint);
  void try_apart(const Lease& lease, std::size_t width);
  void await(Lease lease);
  void narrow(std::size_t combination, std::size_t width);
  std::optional<Lease> take_first(int worker);
  Lease take(std::map<int, Leases>::iterator leases, Leases::iterator lease);
  void begin(Lease& lease);
  double busy_s() const;
  double predict(const Lease& lease) const;
  double remaining_s(const Lease& lease) const;
  double left_s() const { return end_s_ - now_s_; }
  double most_s(double left_s) const;
  double left_for_next_s(int worker) const;
  void predict_again();

  Retries retries_;
  WaitingPacks waiting_;
  std::map<int, Leases> leases_;  // by worker; their packs hold what lacks a result
  std::map<std::size_t, std::size_t> most_trials_;  // in a pack, by combination that was narrowed
  std::size_t num_leases_ = 0;
  double now_s_ = 0;  // as far as we heard
  double end_s_ = WaitingPacks::kAnyTime;
  double checkpoint_every_s_ = 0;
  double sum_of_predicted_s_ = 0;  // of all leases
  double sum_of_begins_s_ = 0;     // of the first ones
};

}  // namespace sweep
