#pragma once

#include <cstdint>

#include "trainer/losses/loss.hpp"

/// Random numbers of a trial in a step. They follow from its seed and the step alone, so that they
/// are the same in any company, on any device, and after a pause.
namespace trainer {

/// Mixes the bits of each whole number, by wrapping arithmetic.  Shapes: [..] int64 -> [..]
/// Source: the output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)
torch::Tensor mix_bits(const torch::Tensor& numbers);

/// Uniform numbers in [0, 1), multiples of 2^-24.  Shapes: -> [T, count]   `type`: kFloat | kDouble
torch::Tensor draw_uniform(const Step& step, std::int64_t count, torch::ScalarType type);

}  // namespace trainer
