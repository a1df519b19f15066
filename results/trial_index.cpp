#include "results/trial_index.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>

namespace results {
namespace {

constexpr std::size_t kFewestSlots = 16;

}  // namespace

void TrialIndex::reserve(std::size_t count) {
  ids_.reserve(count);
  const auto num_slots = std::bit_ceil(std::max(kFewestSlots, 2 * count));
  if (num_slots > slots_.size()) resize(num_slots);
}

std::size_t TrialIndex::add(TrialId id) {
  if (2 * (ids_.size() + 1) > slots_.size()) resize(std::max(kFewestSlots, 2 * slots_.size()));
  auto& entry = slots_[slot_of(id)];
  if (entry != 0) return entry - 1;
  if (ids_.size() == std::numeric_limits<std::uint32_t>::max()) {
    throw std::length_error("more than 4 billion trials");
  }
  ids_.push_back(id);
  entry = static_cast<std::uint32_t>(ids_.size());
  return ids_.size() - 1;
}

std::optional<std::size_t> TrialIndex::find(TrialId id) const {
  if (slots_.empty()) return std::nullopt;
  const auto entry = slots_[slot_of(id)];
  return entry == 0 ? std::nullopt : std::optional<std::size_t>(entry - 1);
}

/// The slot that holds the trial, or the empty one where it belongs.
std::size_t TrialIndex::slot_of(TrialId id) const {
  constexpr TrialId kSpread = 0x9E3779B97F4A7C15;  // 2^64 / golden ratio: ids may be in sequence
  const auto shift = std::countl_zero(slots_.size()) + 1;
  auto slot = static_cast<std::size_t>(id * kSpread >> static_cast<unsigned>(shift));
  while (slots_[slot] != 0 && ids_[slots_[slot] - 1] != id)
    slot = (slot + 1) % slots_.size();
  return slot;
}

void TrialIndex::resize(std::size_t num_slots) {
  slots_.assign(num_slots, 0);
  for (std::size_t row = 0; row < ids_.size(); ++row) {
    slots_[slot_of(ids_[row])] = static_cast<std::uint32_t>(row + 1);
  }
}

}  // namespace results
