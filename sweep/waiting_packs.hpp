#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "protocol/messages.hpp"
#include "sweep/plan.hpp"

namespace sweep {

/// How often a trial that failed is tried again, by cause.
using Retries = std::map<protocol::Cause, int>;

/// A pack lent to one worker, or waiting for one.
struct Lease {
  Pack pack = {};
  int attempt = 1;        ///< counts from 1
  Retries failures = {};  ///< of its one trial so far; a pack's failures count for no trial
};

/// The packs that no worker has, in the order in which they are to be trained.
class WaitingPacks {
 public:
  explicit WaitingPacks(std::vector<Pack> packs);

  /// Takes the first one out; nothing if none waits.
  std::optional<Lease> take();

  /// Puts a lease in front of all others, under a new number: late messages of a former attempt
  /// must not be taken for its own.
  void put_in_front(Lease lease);

  /// Cuts the packs of a combination to at most `width` trials.
  void narrow(std::size_t combination, std::size_t width);

  /// Whether one of them goes on from this checkpoint.
  bool has_checkpoint(std::uint64_t key) const;

  bool empty() const { return leases_.empty(); }
  std::size_t size() const { return leases_.size(); }

 private:
  std::int64_t next_number_ = 0;  // of a pack
  std::deque<Lease> leases_;
};

/// Packs of at most `width` trials that hold those of `pack`, in order, with number 0.
std::vector<Pack> cut(const Pack& pack, std::size_t width);

}  // namespace sweep
