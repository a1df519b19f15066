#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "trainer/batch_work.hpp"
#include "trainer/datasets/batches.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/models/model.hpp"
#include "trainer/pack_history.hpp"
#include "trainer/study.hpp"

namespace trainer {

/// A stretch of epochs under one loss, with an optimiser that remembers nothing of former phases.
struct Phase {
  int epochs = 1;  ///< >= 1
  Loss loss = {};
  nlohmann::json optimizer = {};             ///< resolved section
  std::optional<double> learning_rate = {};  ///< of every trial; absent: each has its own
};

/// What the trials of a pack share.
struct PackTask {
  std::vector<Phase> phases = {};  ///< one after the other, at least one
  Model model = {};
  Batches train = {};
  std::optional<Batches> test = {};
  std::optional<std::uint64_t> shuffle_seed = {};  ///< absent: every epoch in the order of the data
  bool measures_after_update = false;   ///< training metrics from each batch right after its update
  bool starts_with_last_batch = false;  ///< then: entry 0 from the last batch alone, not from all
  bool has_all_rules = false;  ///< curves under every rule, beside those under the loss's own
  Recorder recorder = {};      ///< of the device; absent: it is told anew of each step's work
};

/// What differs between them.
struct PackTrials {
  std::vector<std::int64_t> seeds = {};
  std::vector<double> learning_rates = {};
};

/// Epochs of all phases.
int num_epochs(const std::vector<Phase>& phases);

/// The epochs completed at the end of every phase but the last.
std::vector<int> switch_epochs(const PackTask& task);

/// A pack between two steps: all that its further training depends on.
struct PackState {
  std::int64_t next_batch = 0;  ///< of the epoch in progress; which that is, the history tells
  std::map<std::string, torch::Tensor> tensors = {};  ///< each [T, ...]; they share no memory with
                                                      ///< the training that goes on
};

using SavePack = std::function<void(const PackState&)>;

/// Where the training of a pack begins, and where its states go.
struct PackStates {
  const PackState* start = nullptr;  ///< nullptr: weights as the seeds say
  SavePack save = [](const PackState&) {};
};

/// Trains a pack. Saves its state when the listener says that it is time to, and when it is told
/// to stop; it then returns nothing.
std::optional<PackHistory> train_pack(const PackTask& task, const PackTrials& trials,
                                      torch::Device device, const PackListener& listener,
                                      const PackStates& states = {});

}  // namespace trainer
