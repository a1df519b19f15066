#pragma once

#include <cstdint>
#include <random>

namespace trainer {

/// A whole number below n, uniform: masked bits of the generator, again while too large.
/// n = 1 gives 0 and consumes nothing.
///
/// Ranges: n >= 1
/// Source: numpy.random.RandomState.randint of NumPy's legacy generator, bit for bit
std::uint32_t draw_below(std::uint32_t n, std::mt19937& rng);

}  // namespace trainer
