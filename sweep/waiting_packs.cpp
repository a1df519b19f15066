#include "sweep/waiting_packs.hpp"

#include <algorithm>
#include <utility>

namespace sweep {

std::vector<Pack> cut(const Pack& pack, std::size_t width) {
  std::vector<Pack> parts;
  for (std::size_t i = 0; i < pack.trials.size(); i += width) {
    const auto begin = pack.trials.begin() + static_cast<std::ptrdiff_t>(i);
    const auto count = std::min(width, pack.trials.size() - i);
    parts.push_back({.combination = pack.combination,
                     .trials = {begin, begin + static_cast<std::ptrdiff_t>(count)},
                     .resume_from = pack.resume_from});
  }
  return parts;
}

WaitingPacks::WaitingPacks(std::vector<Pack> packs) {
  for (auto& pack : packs) {
    next_number_ = std::max(next_number_, pack.number + 1);
    leases_.push_back({.pack = std::move(pack)});
  }
}

std::optional<Lease> WaitingPacks::take() {
  if (leases_.empty()) return std::nullopt;
  auto lease = std::move(leases_.front());
  leases_.pop_front();
  return lease;
}

void WaitingPacks::put_in_front(Lease lease) {
  lease.pack.number = next_number_++;
  leases_.push_front(std::move(lease));
}

void WaitingPacks::narrow(std::size_t combination, std::size_t width) {
  std::deque<Lease> narrowed;
  for (auto& lease : leases_) {
    if (lease.pack.combination != combination || lease.pack.trials.size() <= width) {
      narrowed.push_back(std::move(lease));
      continue;
    }
    for (auto& part : cut(lease.pack, width)) {
      part.number = next_number_++;
      narrowed.push_back({.pack = std::move(part), .attempt = lease.attempt});
    }
  }
  leases_ = std::move(narrowed);
}

bool WaitingPacks::has_checkpoint(std::uint64_t key) const {
  return std::ranges::any_of(leases_,
                             [&](const Lease& lease) { return lease.pack.resume_from == key; });
}

}  // namespace sweep
