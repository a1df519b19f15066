#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "trainer/batch_work.hpp"
#include "trainer/metrics.hpp"
#include "trainer/optimizers.hpp"
#include "trainer/pack_loop.hpp"
#include "trainer/pack_model.hpp"

namespace trainer {

/// What a phase of a pack's training does with batches. It never reads the device: all that differs
/// from one step to the next, the number of the step included, is in tensors that stay where they
/// are, so that the work on a batch can be recorded and replayed.
///
///   PhaseWork work(task, task.phases[0], model, {seeds, rates, is_finite});
///   work.begin_batch(epoch, i);
///   work.train(batches[i]);
class PhaseWork {
 public:
  /// What there is of each trial, on the device of the model.
  struct Trials {
    torch::Tensor seeds;      ///< [T] int64
    torch::Tensor rates;      ///< learning rates, [T, 1]
    torch::Tensor is_finite;  ///< whether all it descended so far was, [T] bool; train() updates it
  };

  /// The task, the phase in it and the model must outlive this.
  PhaseWork(const PackTask& task, const Phase& phase, PackModel& model, Trials trials);
  PhaseWork(const PhaseWork&) = delete;  // recorded work refers to it
  PhaseWork& operator=(const PhaseWork&) = delete;
  ~PhaseWork() = default;

  /// Says which batch comes next; an epoch counts from 1, and is 0 before training.
  void begin_batch(std::int64_t epoch, std::int64_t batch_index);

  /// One step of every trial. Measures the batch right after it if the task wants that.
  void train(const Batch& batch);

  /// Adds a batch to measured().
  void measure(const Batch& batch);

  /// Likewise, where train() follows with the same batch and no other step or restore() in between:
  /// as far as both look at it in the same way, it is looked at once.
  void measure_ahead(const Batch& batch);

  /// A batch as the models see it now. Nothing is recorded.
  Pass look_at(const Batch& batch) const;

  /// Adds what look_at() gave to any tally.
  void add(Pass& pass, const Batch& batch, double loss_weight, Tally& tally) const;

  Tally make_tally(std::span<const Rule> rules) const;
  const Phase& phase() const { return phase_; }

  /// Those whose curves are wanted, the phase's own among them.
  std::span<const Rule> rules() const;

  /// Under the rules whose curves are wanted. Batches measured after their updates, and those
  /// given to measure(); either is added up until it is cleared.
  Tally& after_updates() { return after_updates_; }
  Tally& measured() { return measured_; }

  /// What the phase remembers between two steps.  Shapes: each [T, ...]
  std::map<std::string, torch::Tensor> state() const;

  /// Goes on from what state() returned, on any device.
  void restore(const std::map<std::string, torch::Tensor>& state);

 private:
  void step(const Batch& batch);
  torch::Tensor update(const Batch& batch);
  torch::Tensor objective(const Batch& batch);
  bool measures_as_it_trains() const;
  Moment moment(bool is_training) const;

  const PackTask& task_;
  const Phase& phase_;
  PackModel& model_;
  Trials trials_;
  torch::Tensor step_number_;  // [] int64
  torch::Tensor loss_memory_;  // [T]
  std::unique_ptr<Optimizer> optimizer_;
  Tally after_updates_;
  Tally measured_;
  BatchWork train_;
  BatchWork measure_;
  std::int64_t batch_index_ = 0;   // of the last begin_batch()
  torch::Tensor objective_ahead_;  // [T] with its graph, of the batch that is next; or undefined
  std::int64_t index_ahead_ = 0;   // of that batch
};

}  // namespace trainer
