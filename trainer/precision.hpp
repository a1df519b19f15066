#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "trainer/torch.hpp"

namespace trainer {

/// What matrix products and convolutions of a model round their factors to, forward and backward;
/// bf16 also biases, tf32 what dense_of_shared() and blend_by_products() make factors. Weights,
/// optimisers, softmax, losses, metrics and sums in a product stay float32.
enum class Precision : std::uint8_t {
  float32,  ///< nothing less: 23 bits of a fraction
  tf32,     ///< 10 bits on a GPU that has such products; elsewhere float32
  bf16      ///< 7 bits, which is also what a layer's results and their gradients are kept in
};

/// Ranges: "float32", "tf32" or "bf16"
Precision find_precision(const std::string& name);

/// While it lives, float32 products and convolutions of this process are rounded to TF32 where a
/// GPU can, or not at all, as the precision says; without it LibTorch rounds convolutions alone.
/// It is to last for the whole training of a pack, as backward passes and recorded steps need it.
class Tf32Guard {
 public:
  explicit Tf32Guard(Precision precision);
  ~Tf32Guard();
  Tf32Guard(const Tf32Guard&) = delete;
  Tf32Guard& operator=(const Tf32Guard&) = delete;

 private:
  bool had_products_;
  bool had_convolutions_;
};

/// While it lives, products and convolutions that this thread asks of the device cast their factors
/// to bfloat16, if that is the precision. Casts are not kept from one to the next: weights change
/// between two steps, and a recorded step must cast them anew.
class AutocastGuard {
 public:
  AutocastGuard(Precision precision, torch::DeviceType device);
  ~AutocastGuard();
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  /// What this thread did before.
  struct State {
    bool is_enabled = false;
    bool keeps_casts = false;
    torch::ScalarType type = torch::kFloat;
  };

  State state() const;
  void set(const State& state) const;

  torch::DeviceType device_;
  std::optional<State> former_ = {};  // of bf16 alone
};

/// The points of a network as the factors of its first layer, which need not cast them for each
/// trial apart.
torch::Tensor as_factors(const torch::Tensor& points, Precision precision);

}  // namespace trainer
