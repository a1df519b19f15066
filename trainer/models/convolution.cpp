#include "trainer/models/convolution.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

#include <ATen/Dispatch.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/models/convolution_kernels.hpp"

namespace trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr std::int64_t kBlockDims = 6;      // [T, blocks, c, h, w, L]
constexpr std::int64_t kWeightDims = 5;     // [T, out, c, k, k]
constexpr std::int64_t kPixelsAtOnce = 48;  // of maps and gradients that fit the first cache

struct Sizes {
  std::int64_t trials, blocks;  // blocks of each
  std::int64_t c, h, w;         // before the stage
  std::int64_t out, k, pool;
  bool has_own_maps;  // each trial

  std::int64_t rows() const { return (h - k + 1) / pool; }  // after the stage
  std::int64_t columns() const { return (w - k + 1) / pool; }
};

Sizes sizes_of(const torch::Tensor& blocks, const torch::Tensor& weight, std::int64_t pool) {
  return {.trials = weight.size(0),
          .blocks = blocks.size(1),
          .c = blocks.size(2),
          .h = blocks.size(3),
          .w = blocks.size(4),
          .out = weight.size(1),
          .k = weight.size(3),
          .pool = pool,
          .has_own_maps = blocks.size(0) != 1};
}

/// Where the values of a window lie in `channels` maps of so many numbers. Rows of the window are
/// outermost, so that some of its rows are a part of it.
std::vector<std::int64_t> window_offsets(std::int64_t k, std::int64_t channels,
                                         std::int64_t map_stride, std::int64_t row_stride,
                                         std::int64_t lanes) {
  std::vector<std::int64_t> offsets;
  for (std::int64_t y = 0; y < k; ++y)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t x = 0; x < k; ++x)
        offsets.push_back(c * map_stride + y * row_stride + x * lanes);
  return offsets;
}

std::int64_t tiles_of(std::int64_t outputs, std::int64_t tile) {
  return (outputs + tile - 1) / tile;
}

/// In the order of window_offsets(), a tile of outputs together; zeros fill the last tile.
/// Shapes: weight [T, out, c, k, k] -> [T, tiles, k c k, tile]
torch::Tensor pack(const torch::Tensor& weight, std::int64_t tile) {
  const auto rows = weight.transpose(2, 3).flatten(2);  // [T, out, k c k]
  const auto tiles = tiles_of(rows.size(1), tile);
  return torch::constant_pad_nd(rows, {0, 0, 0, tiles * tile - rows.size(1)})
      .unflatten(1, {tiles, tile})
      .transpose(2, 3)
      .contiguous();
}

/// Shapes: parts [T, tiles, k c k, tile, ...] -> as `weight` [T, out, c, k, k]
torch::Tensor unpack(const torch::Tensor& parts, const torch::Tensor& weight) {
  return parts.sum(/*dim=*/-1)
      .transpose(2, 3)
      .flatten(1, 2)
      .narrow(/*dim=*/1, 0, weight.size(1))
      .unflatten(2, {weight.size(3), weight.size(2), weight.size(4)})
      .transpose(2, 3)
      .contiguous();
}

template <class Number>
const ConvolutionKernels<Number>& best_kernels() {
  const auto& best = convolution_kernels().front();
  if constexpr (std::is_same_v<Number, float>) {
    return best.of_float;
  } else {
    return best.of_double;
  }
}

template <class Number>
torch::Tensor zeros(const std::vector<std::int64_t>& sizes) {
  return torch::zeros(sizes, torch::TensorOptions(c10::CppTypeToScalarType<Number>::value));
}

/// Where what belongs to trial t begins, or to its block g.
/// Shapes: tensor [T, ...] or [T, blocks, ...], contiguous
template <class Number>
Number* begin_of(const torch::Tensor& tensor, std::int64_t t, std::int64_t g = 0) {
  return tensor.mutable_data_ptr<Number>() + t * tensor.stride(0) + g * tensor.stride(1);
}

/// Takes one block of one trial after the other through a stage.
template <class Number>
class Forward {
 public:
  explicit Forward(const Sizes& sizes)
      : sizes_(sizes),
        offsets_(window_offsets(sizes.k, sizes.c, sizes.h * row_, row_, kL)),
        rows_(zeros<Number>({kernels_.tile, sizes.pool, sizes.pool * sizes.columns(), kL})) {}

  /// Shapes: block [c, h, w, L], weights [tiles, k c k, tile], bias [tiles, tile]
  ///         -> values, sources [out, rows, columns, L]
  void run(const Number* block, const Number* weights, const Number* bias, Number* values,
           Source* sources) {
    for (std::int64_t y = 0; y < sizes_.rows(); ++y) {
      for (std::int64_t output = 0; output < sizes_.out; output += kernels_.tile) {
        convolve(block + y * sizes_.pool * row_, weights + output * std::ssize(offsets_),
                 bias + output);
        const auto end = std::min(output + kernels_.tile, sizes_.out);
        for (auto o = output; o < end; ++o) {
          const auto at = (o * sizes_.rows() + y) * sizes_.columns() * kL;
          kernels_.pool({.pool = sizes_.pool, .width = sizes_.columns(), .stride = stride_},
                        rows() + (o - output) * sizes_.pool * stride_, values + at, sources + at);
        }
      }
    }
  }

 private:
  static constexpr auto kL = kLanes<Number>;

  Number* rows() { return rows_.template mutable_data_ptr<Number>(); }

  /// The rows of a tile that are pooled together.
  void convolve(const Number* maps, const Number* weights, const Number* bias) {
    for (std::int64_t y = 0; y < sizes_.pool; ++y) {
      kernels_.convolve({.window = {offsets_.data(), std::ssize(offsets_)},
                         .maps = maps + y * row_,
                         .weights = weights,
                         .bias = bias,
                         .width = sizes_.pool * sizes_.columns(),
                         .out = rows() + y * stride_,
                         .out_stride = sizes_.pool * stride_});
    }
  }

  const ConvolutionKernels<Number>& kernels_ = best_kernels<Number>();
  Sizes sizes_;
  std::int64_t row_ = sizes_.w * kL;                           // of a map
  std::int64_t stride_ = sizes_.pool * sizes_.columns() * kL;  // of a row before its pool
  std::vector<std::int64_t> offsets_;
  torch::Tensor rows_;  // [tile, pool, pool columns, L]
};

/// Takes the gradients of one block of one trial after the other back through a stage. Those before
/// the pool have k - 1 columns of zeros on either side, and one more where the pool drops it.
template <class Number>
class Backward {
 public:
  explicit Backward(const Sizes& sizes)
      : sizes_(sizes),
        offsets_(window_offsets(sizes.k, sizes.c, sizes.h * row_, row_, kL)),
        offsets_back_(window_offsets(sizes.k, sizes.out, height_ * stride_, stride_, kL)),
        gradients_(
            zeros<Number>({tiles_of(sizes.out, kernels_.tile), kernels_.tile, height_, stride_})),
        row_of_tile_(zeros<Number>({kernels_.tile, row_})),
        no_bias_(zeros<Number>({kernels_.tile})) {}

  /// Keeps the gradients of the block's convolutions, and adds those of weights and biases.
  /// Shapes: block [c, h, w, L]; of_values, sources [out, rows, columns, L];
  ///         of_weight [tiles, k c k, tile, sum_size], of_bias [out, L]
  void run(const Number* block, const Number* of_values, const Source* sources, Number* of_weight,
           Number* of_bias) {
    for (std::int64_t output = 0; output < sizes_.out; output += kernels_.tile) {
      const auto end = std::min(output + kernels_.tile, sizes_.out);
      for (auto o = output; o < end; ++o) {
        const auto at = o * sizes_.rows() * sizes_.columns() * kL;
        unpool(o, of_values + at, sources + at, of_bias + o * kL);
      }
      correlate(output, block, of_weight + output * std::ssize(offsets_) * kernels_.sum_size);
    }
  }

  /// From what run() kept.
  /// Shapes: weights, turned round, [tiles of c, k out k, tile] -> of_block [c, h, w, L]
  void differentiate_block(const Number* weights, Number* of_block) {
    for (std::int64_t y = 0; y < sizes_.h; ++y)
      for (std::int64_t c = 0; c < sizes_.c; c += kernels_.tile)
        differentiate_row(y, c, weights + c * std::ssize(offsets_back_), of_block);
  }

 private:
  static constexpr auto kL = kLanes<Number>;

  Number* map_of(std::int64_t output) {
    return gradients_.template mutable_data_ptr<Number>() + output * height_ * stride_;
  }

  void unpool(std::int64_t output, const Number* of_values, const Source* sources,
              Number* of_bias) {
    const auto size = sizes_.columns() * kL;
    auto* rows = map_of(output) + (sizes_.k - 1) * kL;
    for (std::int64_t y = 0; y < sizes_.rows(); ++y) {
      kernels_.unpool({.pool = sizes_.pool, .width = sizes_.columns(), .stride = stride_},
                      of_values + y * size, sources + y * size, rows + y * sizes_.pool * stride_,
                      of_bias);
    }
  }

  void correlate(std::int64_t output, const Number* block, Number* of_weight) {
    const auto width = sizes_.pool * sizes_.columns();
    const auto height = (kPixelsAtOnce + width - 1) / width;
    const auto* gradients = map_of(output) + (sizes_.k - 1) * kL;
    for (std::int64_t y = 0; y < height_; y += height) {
      kernels_.correlate({.window = {offsets_.data(), std::ssize(offsets_)},
                          .maps = block + y * row_,
                          .maps_stride = row_,
                          .gradients = gradients + y * stride_,
                          .gradients_stride = stride_,
                          .tile_stride = height_ * stride_,
                          .height = std::min(height, height_ - y),
                          .width = width,
                          .sums = of_weight});
    }
  }

  /// Of a tile of channels from c on, from the rows of gradients that there are.
  void differentiate_row(std::int64_t y, std::int64_t c, const Number* weights, Number* of_block) {
    const auto first = std::max<std::int64_t>(sizes_.k - 1 - y, 0);  // row of the window
    const auto end = std::min(sizes_.k, height_ + sizes_.k - 1 - y);
    const auto size = sizes_.out * sizes_.k;  // of a row of the window
    auto* row = row_of_tile_.template mutable_data_ptr<Number>();
    kernels_.convolve(
        {.window = {offsets_back_.data(), std::max<std::int64_t>(end - first, 0) * size},
         .maps = map_of(0) + (y - (sizes_.k - 1) + first) * stride_,
         .weights = weights + first * size * kernels_.tile,
         .bias = no_bias_.template const_data_ptr<Number>(),
         .width = sizes_.w,
         .out = row,
         .out_stride = row_});
    for (auto i = c; i < std::min(c + kernels_.tile, sizes_.c); ++i, row += row_)
      std::copy_n(row, row_, of_block + (i * sizes_.h + y) * row_);
  }

  const ConvolutionKernels<Number>& kernels_ = best_kernels<Number>();
  Sizes sizes_;
  std::int64_t row_ = sizes_.w * kL;                      // of a map
  std::int64_t height_ = sizes_.pool * sizes_.rows();     // of gradients before the pool
  std::int64_t stride_ = (sizes_.w + sizes_.k - 1) * kL;  // from row to row of them
  std::vector<std::int64_t> offsets_;
  std::vector<std::int64_t> offsets_back_;
  torch::Tensor gradients_;    // [tiles, tile, height, stride]
  torch::Tensor row_of_tile_;  // [tile, w, L]
  torch::Tensor no_bias_;      // [tile]
};

struct Outputs {
  torch::Tensor values;   // [T, blocks, out, rows, columns, L]
  torch::Tensor sources;  // likewise, of each value
};

template <class Number>
Outputs run_forward(const Sizes& sizes, const torch::Tensor& blocks, const torch::Tensor& weight,
                    const torch::Tensor& bias) {
  const auto tile = best_kernels<Number>().tile;
  const auto weights = pack(weight, tile);
  const auto padded = tiles_of(sizes.out, tile) * tile;
  const auto biases = torch::constant_pad_nd(bias, {0, padded - sizes.out}).contiguous();
  Outputs outputs;
  outputs.values = torch::empty(
      {sizes.trials, sizes.blocks, sizes.out, sizes.rows(), sizes.columns(), kLanes<Number>},
      blocks.options());
  outputs.sources = torch::empty_like(outputs.values, torch::kByte);
  Forward<Number> forward(sizes);
  for (std::int64_t t = 0; t < sizes.trials; ++t) {
    for (std::int64_t g = 0; g < sizes.blocks; ++g) {
      forward.run(begin_of<Number>(blocks, sizes.has_own_maps ? t : 0, g),
                  begin_of<Number>(weights, t), begin_of<Number>(biases, t),
                  begin_of<Number>(outputs.values, t, g), begin_of<Source>(outputs.sources, t, g));
    }
  }
  return outputs;
}

struct Gradients {
  torch::Tensor blocks;  // undefined unless asked for
  torch::Tensor weight;
  torch::Tensor bias;
};

template <class Number>
Gradients run_backward(const Sizes& sizes, const torch::Tensor& blocks, const torch::Tensor& weight,
                       const torch::Tensor& sources, const torch::Tensor& of_values,
                       bool needs_blocks) {
  const auto& kernels = best_kernels<Number>();
  const auto of_weight =
      zeros<Number>({sizes.trials, tiles_of(sizes.out, kernels.tile), sizes.k * sizes.c * sizes.k,
                     kernels.tile, kernels.sum_size});
  const auto of_bias = zeros<Number>({sizes.trials, sizes.out, kLanes<Number>});
  torch::Tensor of_blocks, weights;
  if (needs_blocks) {
    of_blocks = torch::empty(
        {sizes.trials, sizes.blocks, sizes.c, sizes.h, sizes.w, kLanes<Number>}, blocks.options());
    weights = pack(weight.flip({3, 4}).transpose(1, 2), kernels.tile);
  }
  Backward<Number> backward(sizes);
  for (std::int64_t t = 0; t < sizes.trials; ++t) {
    for (std::int64_t g = 0; g < sizes.blocks; ++g) {
      backward.run(begin_of<Number>(blocks, sizes.has_own_maps ? t : 0, g),
                   begin_of<Number>(of_values, t, g), begin_of<Source>(sources, t, g),
                   begin_of<Number>(of_weight, t), begin_of<Number>(of_bias, t));
      if (!needs_blocks) continue;
      backward.differentiate_block(begin_of<Number>(weights, t), begin_of<Number>(of_blocks, t, g));
    }
  }
  return {.blocks = needs_blocks ? of_blocks.sum_to_size(blocks.sizes()) : of_blocks,
          .weight = unpack(of_weight, weight),
          .bias = of_bias.sum(/*dim=*/-1)};
}

class ConvolveBlocks : public torch::autograd::Function<ConvolveBlocks> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& blocks,
                               const torch::Tensor& weight, const torch::Tensor& bias,
                               std::int64_t pool) {
    const auto sizes = sizes_of(blocks, weight, pool);
    Outputs outputs;
    AT_DISPATCH_FLOATING_TYPES(blocks.scalar_type(), "convolve_blocks", [&] {
      outputs = run_forward<scalar_t>(sizes, blocks, weight, bias);
    });
    context->save_for_backward({blocks, weight, outputs.sources});
    context->saved_data["pool"] = pool;
    return outputs.values;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& outputs) {
    const auto saved = context->get_saved_variables();
    const auto sizes = sizes_of(saved[0], saved[1], context->saved_data["pool"].toInt());
    Gradients gradients;
    AT_DISPATCH_FLOATING_TYPES(saved[0].scalar_type(), "convolve_blocks", [&] {
      gradients = run_backward<scalar_t>(sizes, saved[0], saved[1], saved[2],
                                         outputs[0].contiguous(), context->needs_input_grad(0));
    });
    return {gradients.blocks, gradients.weight, gradients.bias, {}};
  }
};

std::int64_t lanes_of(const torch::Tensor& tensor) {
  return tensor.scalar_type() == torch::kDouble ? kLanes<double> : kLanes<float>;
}

}  // namespace

torch::Tensor to_blocks(const torch::Tensor& points, const ImageShape& image) {
  const auto L = lanes_of(points);
  const auto blanks = (L - points.size(2) % L) % L;
  const auto padded = blanks == 0 ? points : torch::constant_pad_nd(points, {0, blanks});
  return padded
      .unflatten(2, {-1, L})  // [T, d, blocks, L]
      .transpose(1, 2)
      .contiguous()
      .unflatten(2, {image.channels, image.height, image.width});
}

torch::Tensor from_blocks(const torch::Tensor& blocks, std::int64_t N) {
  const auto maps = blocks.flatten(2, 4).transpose(1, 2).flatten(2);  // [T, c h w, blocks L]
  return maps.size(2) == N ? maps : maps.narrow(/*dim=*/2, 0, N);
}

torch::Tensor convolve_blocks(const torch::Tensor& blocks, const torch::Tensor& weight,
                              const torch::Tensor& bias, bool has_pool) {
  const auto k = weight.dim() == kWeightDims ? weight.size(3) : 0;
  TORCH_CHECK(blocks.dim() == kBlockDims && weight.dim() == kWeightDims && weight.size(4) == k &&
                  blocks.size(2) == weight.size(2) && blocks.size(5) == lanes_of(blocks) &&
                  std::min(blocks.size(3), blocks.size(4)) >= (has_pool ? k + kPool - 1 : k) &&
                  (blocks.size(0) == 1 || blocks.size(0) == weight.size(0)) &&
                  (!bias.defined() || bias.sizes() == weight.sizes().slice(0, 2)) &&
                  blocks.scalar_type() == weight.scalar_type(),
              "blocks ", blocks.sizes(), " of ", blocks.scalar_type(), " do not match weights ",
              weight.sizes(), " of ", weight.scalar_type(),
              " (want [T or 1, blocks, c, h, w, L] and [T, out, c, k, k]) or their bias");
  const auto offset =
      bias.defined() ? bias : torch::zeros({weight.size(0), weight.size(1)}, weight.options());
  return ConvolveBlocks::apply(blocks.contiguous(), weight, offset, has_pool ? kPool : 1);
}

}  // namespace trainer
