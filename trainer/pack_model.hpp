#pragma once

#include <cstdint>
#include <span>

#include "trainer/datasets/batches.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/metrics.hpp"
#include "trainer/models/model.hpp"
#include "trainer/parameters.hpp"
#include "trainer/step_draws.hpp"

namespace trainer {

/// The model of a pack with the weights of its trials: batches in, what losses are made of out.
class PackModel {
 public:
  /// The model must outlive this.
  PackModel(const Model& model, std::span<const std::int64_t> seeds, torch::Device device);

  Pass forward(const Batch& batch, const Moment& moment) const;

  /// Of what forward() made of the batch; with the pull where the focus is fixed.
  BatchLosses losses_of(Pass& pass, const Loss& loss, const Batch& batch) const;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  std::int64_t num_trials() const { return parameters_.theta().size(0); }

 private:
  torch::Tensor encode(const Batch& batch, const Moment& moment) const;
  torch::Tensor score(const torch::Tensor& segments, const Batch& batch) const;
  torch::Tensor classify(const torch::Tensor& points) const;

  const Model& model_;
  Parameters parameters_;
};

}  // namespace trainer
