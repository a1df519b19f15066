#pragma once

#include <cstdint>
#include <string>

#include "trainer/datasets/data_set.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/models/model.hpp"

/// How many trials to train together.
namespace trainer {

/// An estimate of the memory that a pack takes.
struct PackCost {
  double shared_bytes = 0;      ///< the data set
  double trial_bytes = 0;       ///< weights, their gradients and state, and activations
  double activation_bytes = 0;  ///< the part of trial_bytes that every step goes through
  bool gains_from_packs_on_cpu = true;
};

/// `classified` tells whether the loss classifies every segment or one blend of them.
PackCost estimate_cost(const Model& model, const DataSummary& data, Classified classified,
                       std::int64_t batch_size);

/// CPU: the most trials, at most 8, whose activations stay in a core's share of the cache (8 MB).
/// CUDA: the most trials, at most 1024, that fill half of the memory.
int choose_pack_width(const PackCost& cost, const std::string& device);

}  // namespace trainer
