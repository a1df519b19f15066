#pragma once

#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

#include "trainer/settings.hpp"
#include "trainer/torch.hpp"

namespace trainer {

/// Descends the gradients of a whole pack. Row t of every tensor is trial t's, and no row ever
/// reads another.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// One update in place.  Shapes: theta, grad [T, P]
  void step(const torch::Tensor& theta, const torch::Tensor& grad) {
    begin_step();
    apply_step(theta, grad);
  }

  /// The two parts of step(). The first writes to the device what differs from the step before; the
  /// second is the same work in every step but the first, so that it can be recorded and replayed.
  virtual void begin_step() {}
  virtual void apply_step(const torch::Tensor& theta, const torch::Tensor& grad) = 0;

  /// What it remembers between steps, empty before the first.  Shapes: each [T, ...]
  virtual std::vector<torch::Tensor> state() const = 0;

  /// Goes on from what state() returned, on any device.
  virtual void restore(const std::vector<torch::Tensor>& state, torch::Device device) = 0;
};

/// How the settings choose an optimiser.
struct OptimizerKind {
  Choice choice = {};
  std::unique_ptr<Optimizer> (*make)(const nlohmann::json& settings,
                                     const torch::Tensor& learning_rates) = nullptr;
};

/// sgd (the default) and adam, both as in PyTorch.
const std::vector<OptimizerKind>& optimizer_kinds();

/// `settings` is the resolved section "optimizer".  Shapes: learning_rates [T, 1]
std::unique_ptr<Optimizer> make_optimizer(const nlohmann::json& settings,
                                          const torch::Tensor& learning_rates);

}  // namespace trainer
