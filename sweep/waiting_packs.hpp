#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "protocol/messages.hpp"
#include "sweep/cost_model.hpp"
#include "sweep/plan.hpp"

namespace sweep {

/// How often a trial that failed is tried again, by cause.
using Retries = std::map<protocol::Cause, int>;

/// A pack lent to one worker, or waiting for one.
struct Lease {
  Pack pack = {};
  int attempt = 1;         ///< counts from 1
  Retries failures = {};   ///< of its one trial so far; a pack's failures count for no trial
  std::size_t width = 0;   ///< trials when it was lent; 0: it will not tell how long packs take
  double begin_s = 0;      ///< when its worker begins it; 0 until then
  double predicted_s = 0;  ///< what it takes from then on
  double progress = 0;     ///< share that is trained as far as we heard, 0 to 1
  double skipped = 0;      ///< ... that the checkpoint holds from which it goes on
};

/// Packs that wait and take too long for the time that is left.
struct HeldBack {
  std::size_t num_packs = 0;
  std::size_t num_trials = 0;
  double shortest_s = -1;  ///< what the shortest of them takes; negative: nobody knows
  double left_s = 0;       ///< time to train, as the schedule knows it
};

/// A pack of which nobody knows how long it takes is begun if so much time is left.
inline constexpr double kLeastTrySeconds = 5;

/// What no worker has, in the order in which it is to be trained: saved packs and those that are
/// tried again first, then one pack of each combination that has several, which tells how long the
/// others take, then the pack that takes longest by the cost model. Combinations that take equally
/// long come in grid order.
///
/// Every operation takes logarithmic time in the number of combinations, whatever the number of
/// packs, which are cut only when they are taken; but where `most_s` is short it looks through
/// those of which no pack has finished.
class WaitingPacks {
 public:
  static constexpr double kAnyTime = std::numeric_limits<double>::infinity();

  /// `costs` knows all combinations of `work`; `num_workers` share the work, >= 1.
  WaitingPacks(Workload work, CostModel costs, int num_workers);

  /// Takes the first one out that takes `most_s` at most, by the cost model; nothing if none does.
  /// While that knows no seconds, any pack does, or none if `most_s` is below kLeastTrySeconds. It
  /// is narrower than its group allows where it
  /// would take longer than a worker's share of all that is left, so that all end together, unless
  /// narrow packs cost too much more for each trial. `busy_s`: what the workers still have to do
  /// with the packs that they were given, all together, by the cost model.
  std::optional<Lease> take(double busy_s, double most_s = kAnyTime);

  /// Whether take() would give one.
  bool has_pack_within(double most_s) const;

  /// What take() would leave for good. Looks through all combinations.
  HeldBack held_back(double most_s) const;

  /// Puts a lease in front of all others. It gets a new number when it is taken: late messages of a
  /// former attempt must not be taken for its own.
  void put_in_front(Lease lease);

  /// From now on, packs of a combination have at most `width` trials.
  void narrow(std::size_t combination, std::size_t width);

  /// A pack has trained from its beginning to its end.
  void learn(std::size_t combination, std::size_t width, double seconds);

  /// Whether one of them goes on from this checkpoint.
  bool has_checkpoint(std::uint64_t key) const;

  const CostModel& costs() const { return costs_; }

  /// How many packs wait if none is cut further.
  std::size_t size() const { return front_.size() + num_packs_; }
  bool empty() const { return front_.empty() && measured_.empty() && unmeasured_.empty(); }

 private:
  /// Where a combination stands in the order; the first is the smallest.
  struct Place {
    bool is_probe = false;  ///< its first pack, of several
    double cost = 0;        ///< of its next pack: seconds, or by hint where nothing is measured
    std::size_t combination = 0;

    bool operator<(const Place& other) const;
  };

  /// How much waits.
  struct Amount {
    double seconds = 0;  ///< of combinations with a measured pack
    double packs = 0;    ///< of the others, each times its hint
    double trials = 0;   ///< likewise

    void add(const Amount& other, double factor);
  };

  /// The trials of a combination that wait.
  struct Queue {
    std::vector<std::size_t> trials = {};
    std::size_t num_taken = 0;  ///< from the front of `trials`
    std::size_t max_width = 1;
    std::size_t num_packs = 0;  ///< when it was entered, as all below
    bool is_measured = false;
    Place place = {};
    Amount amount = {};

    std::size_t num_trials() const { return trials.size() - num_taken; }
  };

  void enter(std::size_t combination);
  void leave(std::size_t combination);
  std::set<Place>& order_of(const Queue& queue);
  bool is_within(double seconds, double most_s) const;
  double seconds_of(const Lease& lease) const;
  double seconds_of_next(std::size_t combination) const;
  std::set<Place>::const_iterator first_measured(double most_s) const;
  std::set<Place>::const_iterator first_unmeasured(double most_s) const;
  std::deque<Lease>::const_iterator first_in_front(double most_s) const;
  std::optional<std::size_t> first_combination(double most_s) const;
  Lease take_from(std::size_t combination, std::size_t width);
  std::size_t width_of_next(std::size_t combination, double busy_s) const;
  double share_s(const Queue& queue, double fixed_part, double busy_s) const;
  double waiting_s() const;

  CostModel costs_;
  double num_workers_;
  std::int64_t next_number_ = 0;  // of a pack
  std::deque<Lease> front_;
  std::vector<Queue> queues_;  // by combination
  std::set<Place> measured_;   // combinations with a measured pack
  std::set<Place> unmeasured_;
  Amount amount_ = {};         // in both
  std::size_t num_packs_ = 0;  // likewise
};

/// Packs of at most `width` trials that hold those of `pack`, in order, with number 0.
std::vector<Pack> cut(const Pack& pack, std::size_t width);

}  // namespace sweep
