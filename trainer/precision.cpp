#include "trainer/precision.hpp"

#include <ATen/autocast_mode.h>

namespace trainer {

Precision find_precision(const std::string& name) {
  if (name == "tf32") return Precision::tf32;
  return name == "bf16" ? Precision::bf16 : Precision::float32;
}

// --- TF32 ---

namespace {

void allow_tf32(bool in_products, bool in_convolutions) {
  auto& context = at::globalContext();
  context.setAllowTF32CuBLAS(in_products);
  context.setAllowTF32CuDNN(in_convolutions);
}

}  // namespace

Tf32Guard::Tf32Guard(Precision precision)
    : had_products_(at::globalContext().allowTF32CuBLAS()),
      had_convolutions_(at::globalContext().allowTF32CuDNN()) {
  const bool is_allowed = precision == Precision::tf32;
  allow_tf32(is_allowed, is_allowed);
}

Tf32Guard::~Tf32Guard() {
  allow_tf32(had_products_, had_convolutions_);
}

// --- bfloat16 ---

AutocastGuard::AutocastGuard(Precision precision, torch::DeviceType device) : device_(device) {
  if (precision != Precision::bf16) return;
  former_ = state();
  set({.is_enabled = true, .keeps_casts = false, .type = torch::kBFloat16});
}

AutocastGuard::~AutocastGuard() {
  if (former_) set(*former_);
}

AutocastGuard::State AutocastGuard::state() const {
  return {.is_enabled = at::autocast::is_autocast_enabled(device_),
          .keeps_casts = at::autocast::is_autocast_cache_enabled(),
          .type = at::autocast::get_autocast_dtype(device_)};
}

void AutocastGuard::set(const State& state) const {
  at::autocast::set_autocast_enabled(device_, state.is_enabled);
  at::autocast::set_autocast_cache_enabled(state.keeps_casts);
  at::autocast::set_autocast_dtype(device_, state.type);
}

torch::Tensor as_factors(const torch::Tensor& points, Precision precision) {
  return precision == Precision::bf16 ? points.to(torch::kBFloat16) : points;
}

}  // namespace trainer
