#include "trainer/datasets/draws.hpp"

#include <bit>
#include <cassert>

namespace trainer {

std::uint32_t draw_below(std::uint32_t n, std::mt19937& rng) {
  assert(n >= 1);
  if (n == 1) return 0;
  const auto num_bits = std::bit_width(n - 1);
  std::uint32_t value = 0;
  do {
    value = static_cast<std::uint32_t>(rng()) & (~0U >> (32 - num_bits));
  } while (value > n - 1);
  return value;
}

}  // namespace trainer
