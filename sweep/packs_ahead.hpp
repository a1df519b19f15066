#pragma once

#include <cstddef>

namespace sweep {

/// How many packs a worker should hold beside the one that it trains, so that the next is there
/// when one ends: one, or of short packs as many as keep it busy until rank 0 hears of it and
/// answers, up to a bound. `pack_s` is how long one takes it, 0 where nobody knows.
///
/// None unless more packs wait than there are workers, and no more than a worker's share of them:
/// at the end of a sweep nobody should be without a pack while others hold several.
std::size_t packs_ahead(double pack_s, std::size_t num_waiting, std::size_t num_workers);

}  // namespace sweep
