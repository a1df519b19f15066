#pragma once

#include <cstdint>
#include <vector>

/// The inner loops of a convolution on a CPU. Samples are innermost, in blocks of 64 bytes: a term
/// of a sum is one weight times a whole block, and no sample meets another. Without LibTorch, since
/// the file is compiled once for each generation of x86 processors.
namespace trainer {

/// Samples of a block.
template <class Number>
inline constexpr std::int64_t kLanes = 64 / static_cast<std::int64_t>(sizeof(Number));

/// What a convolution's kernel covers: where each value lies, counted from the first one.
struct Window {
  const std::int64_t* offsets = nullptr;
  std::int64_t size = 0;
};

/// Of a tile of outputs: out[i, x] = bias[i] + sum_k weights[k, i] maps[x + offsets[k]]
template <class Number>
struct ConvolvedRow {
  Window window = {};
  const Number* maps = nullptr;     ///< at the row's first pixel
  const Number* weights = nullptr;  ///< [window, tile]
  const Number* bias = nullptr;     ///< [tile]
  std::int64_t width = 0;           ///< pixels
  Number* out = nullptr;            ///< [width, lanes] of each output
  std::int64_t out_stride = 0;      ///< from output to output
};

/// Of a tile of outputs: sums[k, i] += sum_xy gradients[i, y, x] maps[y, x + offsets[k]]
template <class Number>
struct CorrelatedRows {
  Window window = {};
  const Number* maps = nullptr;
  std::int64_t maps_stride = 0;  ///< from row to row
  const Number* gradients = nullptr;
  std::int64_t gradients_stride = 0;  ///< from row to row
  std::int64_t tile_stride = 0;       ///< from output to output
  std::int64_t height = 0;
  std::int64_t width = 0;
  Number* sums = nullptr;  ///< [window, tile, sum_size]
};

/// One row after a ReLU and a max-pool of one output, and the `pool` rows before them.
template <class Number>
struct PooledRow {
  std::int64_t pool = 1;  ///< 1 (none) or 2
  std::int64_t width = 0;
  std::int64_t stride = 0;  ///< from one of the rows before to the next
};

/// Which value of its window a pool kept; that of kNowhere was not above 0.
using Source = std::uint8_t;
inline constexpr Source kNowhere = 4;

template <class Number>
struct ConvolutionKernels {
  std::int64_t tile = 0;      ///< outputs that are computed together
  std::int64_t sum_size = 0;  ///< parts of a sum, yet to be added up

  void (*convolve)(const ConvolvedRow<Number>& row) = nullptr;
  void (*correlate)(const CorrelatedRows<Number>& rows) = nullptr;

  /// Shapes: rows [pool, pool width, lanes] -> out, sources [width, lanes]
  void (*pool)(const PooledRow<Number>& row, const Number* rows, Number* out,
               Source* sources) = nullptr;

  /// From the gradients of pooled values those before the pool and the ReLU.
  /// Shapes: as above; sums [lanes], to which the gradients are added
  void (*unpool)(const PooledRow<Number>& row, const Number* gradients, const Source* sources,
                 Number* rows, Number* sums) = nullptr;
};

struct ConvolutionKernelsOfNumbers {
  ConvolutionKernels<float> of_float = {};
  ConvolutionKernels<double> of_double = {};
};

/// All that this processor runs, the best first.
const std::vector<ConvolutionKernelsOfNumbers>& convolution_kernels();

}  // namespace trainer
