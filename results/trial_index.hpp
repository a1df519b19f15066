#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "results/records.hpp"

namespace results {

/// Numbers trials in the order in which they are added: row 0, 1, 2 ... and finds their rows again.
/// A hash table without a heap object for each trial, which takes 16 to 24 bytes.
class TrialIndex {
 public:
  std::size_t size() const { return ids_.size(); }

  /// Makes room for a number of trials, so that adding them moves nothing.
  void reserve(std::size_t count);

  /// The row of a trial, which is added if it is new.
  std::size_t add(TrialId id);

  /// The row of a trial; nothing if it was never added.
  std::optional<std::size_t> find(TrialId id) const;

  /// The trial in a row.
  TrialId operator[](std::size_t row) const { return ids_[row]; }

 private:
  std::size_t slot_of(TrialId id) const;
  void resize(std::size_t num_slots);

  std::vector<TrialId> ids_ = {};          // by row
  std::vector<std::uint32_t> slots_ = {};  // row + 1, or 0; a power of two, at most half full
};

}  // namespace results
