#pragma once

#include <cstdint>

#include "trainer/torch.hpp"

/// Random numbers of a trial in a step. They follow from its seed and the step alone, so that they
/// are the same in any company, on any device, and after a pause.
namespace trainer {

/// A batch that a pack trains on, or measures itself by.
struct Moment {
  torch::Tensor seeds = {};  ///< of the trials, [T] int64
  torch::Tensor step = {};   ///< step_number() of epoch and batch, [] int64, on the same device
  bool is_training = true;
};

/// Tells the batches of all epochs apart. An epoch counts from 1, and is 0 before training; a batch
/// counts from 0.
std::int64_t step_number(std::int64_t epoch, std::int64_t batch);

/// What numbers are for. Those of one purpose know nothing of another's. The values are part of
/// every result: add new ones at the end.
enum class Purpose : std::uint8_t { segments = 0, dropout = 1 };

/// Mixes the bits of each whole number, by wrapping arithmetic.  Shapes: [..] int64 -> [..]
/// Source: the output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)
torch::Tensor mix_bits(const torch::Tensor& numbers);

/// Uniform numbers in [0, 1), multiples of 2^-24.  Shapes: -> [T, count]   `type`: kFloat | kDouble
torch::Tensor draw_uniform(const Moment& moment, Purpose purpose, std::int64_t count,
                           torch::ScalarType type);

}  // namespace trainer
