#pragma once

#include <cstdint>
#include <string>

#include "trainer/datasets/data_set.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/models/model.hpp"

/// How many trials to train together, and what they take.
namespace trainer {

/// An estimate of the memory that a pack takes, and of the work of a trial.
struct PackCost {
  double shared_bytes = 0;      ///< the data set
  double trial_bytes = 0;       ///< weights, their gradients and state, and activations
  double activation_bytes = 0;  ///< the part of trial_bytes that every step goes through
  bool gains_from_packs_on_cpu = true;
  double num_weights = 0;    ///< of one trial
  double multiply_adds = 0;  ///< of one trial's forward pass over one input
};

/// `classified` tells whether the loss classifies every segment or one blend of them.
PackCost estimate_cost(const Model& model, const DataSummary& data, Classified classified,
                       std::int64_t batch_size);

/// About the seconds that a trial takes on a core, from the data's size and the epochs of all its
/// phases. Only ratios of it count: which trials begin first.
double estimate_trial_s(const PackCost& cost, double train_size, double epochs);

/// CPU: the most trials, at most 8, whose activations stay in a core's share of the cache (8 MB).
/// CUDA: the most trials, at most 1024, that fill half of the memory.
int choose_pack_width(const PackCost& cost, const std::string& device);

}  // namespace trainer
