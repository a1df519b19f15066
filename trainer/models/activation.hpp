#pragma once

#include <cstdint>

#include "trainer/torch.hpp"

/// What follows the product of a dense layer, in one pass over the memory. LibTorch's own
/// operators take several, and half of a small layer's time.
namespace trainer {

enum class Activation : std::uint8_t { relu, tanh };

/// activation(sums + bias), in place. On the CPU in single precision tanh is a quotient of
/// polynomials: at most 5e-7 off, relatively, exactly odd, and within [-1, 1].
/// Shapes: sums [T, out, N] that nothing else uses, bias [T, out] -> [T, out, N]
torch::Tensor activate(torch::Tensor sums, const torch::Tensor& bias, Activation activation);

}  // namespace trainer
