#pragma once

#include <cstdint>

#include "trainer/models/model.hpp"
#include "trainer/torch.hpp"

/// A convolution and what follows it, on a CPU, in one pass over the memory: what LibTorch's own
/// operators keep between them does not leave the cache. A trial is rounded alike in any pack.
namespace trainer {

inline constexpr std::int64_t kPool = 2;  ///< sides of a max-pool's window, and its stride

/// Images in blocks of L samples of 64 bytes, samples innermost; blank ones fill the last block.
/// Shapes: points [T or 1, d, N] -> [T or 1, blocks, c, h, w, L]
torch::Tensor to_blocks(const torch::Tensor& points, const ImageShape& image);

/// Shapes: blocks [T, blocks, c, h, w, L] -> [T, c h w, N]
torch::Tensor from_blocks(const torch::Tensor& blocks, std::int64_t N);

/// maxpool(relu(W * x + b)): an unpadded convolution of stride 1, then a max-pool if there is one,
/// which drops an odd last row or column.
///
/// Shapes: blocks [T or 1, blocks, c, h, w, L] float or double on a CPU, weight [T, out, c, k, k],
///         bias [T, out] or none -> [T, blocks, out, h', w', L]
/// Throws: c10::Error if the shapes do not match.
torch::Tensor convolve_blocks(const torch::Tensor& blocks, const torch::Tensor& weight,
                              const torch::Tensor& bias, bool has_pool);

}  // namespace trainer
