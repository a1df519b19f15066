#pragma once

#include <cstdint>
#include <vector>

#include "trainer/datasets/data_set.hpp"
#include "trainer/torch.hpp"

namespace trainer {

/// Inputs that are looked at together. The pack shares them. B is a multiple of kAlignment: blank
/// inputs follow the real ones, so that each trial's part of a [T, features, B] tensor begins at a
/// cache line. Matrix products round differently elsewhere, and a trial's bits would depend on its
/// place in the pack.
struct Batch {
  static constexpr std::int64_t kAlignment = 16;  // floats

  torch::Tensor segments;       ///< [1, d, m, B] float, or tokens [1, 1, m, B] int64
  torch::Tensor labels;         ///< [B] int64
  torch::Tensor foreground;     ///< [m, B] bool
  std::int64_t num_inputs = 0;  ///< that are real, <= B
  torch::Tensor absent = {};    ///< [m, B] bool, of no blank input; undefined: no segment is absent
};

/// A split cut into batches in its own order; the last one may be short. Where segments are absent,
/// a batch has as many as its longest input. All batches are built at once and kept if they take at
/// most kKeptBytes, else each is built when it is asked for.
class Batches {
 public:
  static constexpr std::int64_t kKeptBytes = std::int64_t{1} << 29;

  Batches() = default;
  Batches(Split split, std::int64_t batch_size);

  std::int64_t count() const;
  Batch operator[](std::int64_t index) const;

  const Split& split() const { return split_; }
  std::int64_t batch_size() const { return batch_size_; }

 private:
  Batch gather(std::int64_t index) const;

  Split split_ = {};
  std::int64_t batch_size_ = 1;
  std::vector<std::int64_t> longest_ = {};  // segments of each batch; empty: none is absent
  std::vector<Batch> kept_ = {};            // segments of the type of the points
};

/// The batches of one epoch in an order drawn from `seed` and the epoch.
Batches shuffle(const Batches& batches, std::uint64_t seed, int epoch);

}  // namespace trainer
