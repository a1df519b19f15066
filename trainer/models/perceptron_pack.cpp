#include "trainer/models/perceptron_pack.hpp"

#include <algorithm>
#include <optional>

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernel_types.hpp"
#include "trainer/models/dense.hpp"

namespace trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// One block's columns of a trial's rows, [rows, N].
template <class Number>
struct Columns {
  Number* begin;
  std::int64_t rows;
  std::int64_t row_size;
  std::int64_t count;
};

/// Zeros where the block is not full.
template <class Number>
void read(const Columns<Number>& columns, const Block& block, Number* rows) {
  for (std::int64_t i = 0; i < columns.rows; ++i) {
    auto* row = rows + i * block.stride;
    auto* end = std::copy_n(columns.begin + i * columns.row_size, columns.count, row);
    std::fill(end, row + block.columns, Number(0));
  }
}

template <class Number>
void write(const Number* rows, const Block& block, const Columns<Number>& columns) {
  for (std::int64_t i = 0; i < columns.rows; ++i)
    std::copy_n(rows + i * block.stride, columns.count, columns.begin + i * columns.row_size);
}

template <class Number>
PerceptronWeights<Number> weights_of(const PerceptronPack& pack, std::int64_t trial) {
  const auto begin = [trial](const torch::Tensor& of_all) {
    return of_all.defined() ? of_all.data_ptr<Number>() + trial * of_all.stride(0) : nullptr;
  };
  return {begin(pack.weight), begin(pack.bias), begin(pack.out_weight), begin(pack.out_bias)};
}

/// Leads a pack and its points through the kernel block by block. Points are contiguous, and so are
/// each trial's weights. In a block come all trials, which share its points if they have the same.
template <class Number>
class BlockedPack {
 public:
  BlockedPack(const PerceptronPack& pack, const torch::Tensor& points, Activation activation)
      : pack_(pack),
        points_(points),
        sizes_{.in = points.size(1),
               .hidden = pack.weight.size(1),
               .out = pack.out_weight.size(1),
               .activation = activation},
        num_trials_(pack.weight.size(0)),
        num_points_(points.size(2)),
        block_(choose_block(sizes_, num_points_, sizeof(Number))),
        block_points_(empty({padded(sizes_.in), block_.stride})),
        block_outputs_(empty({sizes_.out, block_.stride})) {
    std::fill(begin(block_points_) + sizes_.in * block_.stride,
              begin(block_points_) + block_points_.numel(), Number(0));
  }

  /// Room for the hidden units of all blocks.  Shapes: -> [blocks, T, hidden, stride]
  torch::Tensor room_for_all() const {
    const auto num_blocks = (num_points_ + block_.columns - 1) / block_.columns;
    return empty({num_blocks, num_trials_, sizes_.hidden, block_.stride});
  }

  /// For those of one.  Shapes: -> [1, 1, hidden, stride]
  torch::Tensor room_for_one() const { return empty({1, 1, sizes_.hidden, block_.stride}); }

  /// Shapes: -> [T, out, N]
  torch::Tensor run(const torch::Tensor& hidden) {
    auto outputs = empty({num_trials_, sizes_.out, num_points_});
    const auto read_points = [this](std::int64_t trial, std::int64_t block) {
      read_block(trial, block);
    };
    for_blocks(read_points, [&](std::int64_t trial, std::int64_t block) {
      const auto task = task_of(trial, block, hidden);
      kernel_.run(task);
      write(task.outputs, task.block, columns_of(outputs, trial, block));
    });
    return outputs;
  }

  /// Adds to the gradients, of which those of the points may be undefined.
  /// Shapes: of_outputs [T, out, N], of_points [T, in, N]
  void differentiate(const torch::Tensor& hidden, const torch::Tensor& of_outputs,
                     const PerceptronPack& of_pack, const torch::Tensor& of_points) {
    const auto of_sums = room_for_one();
    const auto of_block_points =
        of_points.defined() ? empty({sizes_.in, block_.stride}) : of_points;
    const auto transposed_points = empty({block_.columns, padded(sizes_.in)});
    const auto of_weight_here = empty({sizes_.hidden, padded(sizes_.in)});
    const auto read_points = [&](std::int64_t trial, std::int64_t block) {
      read_block(trial, block);
      transpose(begin(block_points_), sizes_.in, block_at(block), begin(transposed_points));
    };
    for_blocks(read_points, [&](std::int64_t trial, std::int64_t block) {
      const auto task = task_of(trial, block, hidden);
      read(columns_of(of_outputs, trial, block), task.block, begin(block_outputs_));
      auto* of_points_here = of_points.defined() ? begin(of_block_points) : nullptr;
      kernel_.differentiate(task, {.of_outputs = begin(block_outputs_),
                                   .transposed_points = begin(transposed_points),
                                   .of_sums = begin(of_sums),
                                   .of_weight_here = begin(of_weight_here),
                                   .of_weights = weights_of<Number>(of_pack, trial),
                                   .of_points = of_points_here});
      if (of_points.defined())
        write(of_points_here, task.block, columns_of(of_points, trial, block));
    });
  }

 private:
  torch::Tensor empty(at::IntArrayRef sizes) const {
    return torch::empty(sizes, points_.options());
  }

  static Number* begin(const torch::Tensor& tensor) { return tensor.data_ptr<Number>(); }

  /// The last one has no more columns than its points need.
  Block block_at(std::int64_t block) const {
    return {.columns = std::min(block_.columns, padded(num_points_ - block * block_.columns)),
            .stride = block_.stride};
  }

  /// Shapes: tensor [T or 1, rows, N]
  Columns<Number> columns_of(const torch::Tensor& tensor, std::int64_t trial,
                             std::int64_t block) const {
    const auto first = block * block_.columns;
    const auto of_trial = tensor.size(0) == 1 ? 0 : trial * tensor.stride(0);
    return {.begin = begin(tensor) + of_trial + first,
            .rows = tensor.size(1),
            .row_size = num_points_,
            .count = std::min(block_.columns, num_points_ - first)};
  }

  PerceptronRun<Number> task_of(std::int64_t trial, std::int64_t block,
                                const torch::Tensor& hidden) const {
    const auto of_pack = weights_of<Number>(pack_, trial);
    const auto place = hidden.size(0) == 1 && hidden.size(1) == 1
                           ? 0
                           : block * hidden.stride(0) + trial * hidden.stride(1);
    return {.sizes = sizes_,
            .weights = {of_pack.weight, of_pack.bias, of_pack.out_weight, of_pack.out_bias},
            .block = block_at(block),
            .points = begin(block_points_),
            .hidden = begin(hidden) + place,
            .outputs = begin(block_outputs_)};
  }

  /// From the points of all.
  void read_block(std::int64_t trial, std::int64_t block) {
    read(columns_of(points_, trial, block), block_at(block), begin(block_points_));
  }

  /// Calls visit(trial, block) for all, and before that, once where trials share their points,
  /// read_points(trial, block).
  template <class ReadPoints, class Visit>
  void for_blocks(const ReadPoints& read_points, const Visit& visit) {
    for (std::int64_t block = 0; block * block_.columns < num_points_; ++block) {
      for (std::int64_t trial = 0; trial < num_trials_; ++trial) {
        if (trial == 0 || points_.size(0) > 1) read_points(trial, block);
        visit(trial, block);
      }
    }
  }

  const PerceptronKernel<Number>& kernel_ = perceptron_kernels<Number>().front();
  const PerceptronPack& pack_;
  const torch::Tensor& points_;
  PerceptronSizes sizes_;
  std::int64_t num_trials_;
  std::int64_t num_points_;
  Block block_;
  torch::Tensor block_points_;
  torch::Tensor block_outputs_;
};

class RunPerceptrons : public torch::autograd::Function<RunPerceptrons> {
 public:
  // NOLINTNEXTLINE(readability-function-size): LibTorch finds tensors in parameters alone
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& points,
                               const torch::Tensor& weight, const torch::Tensor& bias,
                               const torch::Tensor& out_weight,
                               const std::optional<torch::Tensor>& out_bias,
                               std::int64_t activation) {
    const PerceptronPack pack = {weight, bias, out_weight, out_bias.value_or(torch::Tensor())};
    context->saved_data["activation"] = activation;
    return call_for_type_of(points, [&](auto number) {
      BlockedPack<decltype(number)> blocked(pack, points, static_cast<Activation>(activation));
      const auto hidden = blocked.room_for_all();
      context->save_for_backward({points, weight, bias, out_weight, pack.out_bias, hidden});
      return blocked.run(hidden);
    });
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& outputs) {
    const auto saved = context->get_saved_variables();
    const PerceptronPack pack = {saved[1], saved[2], saved[3], saved[4]};
    const auto activation = static_cast<Activation>(context->saved_data["activation"].toInt());
    const PerceptronPack gradients = {
        torch::zeros_like(pack.weight), torch::zeros_like(pack.bias),
        torch::zeros_like(pack.out_weight),
        pack.out_bias.defined() ? torch::zeros_like(pack.out_bias) : torch::Tensor()};
    const auto& points = saved[0];
    torch::Tensor of_points;
    if (context->needs_input_grad(0))
      of_points = points.new_empty({pack.weight.size(0), points.size(1), points.size(2)});
    call_for_type_of(points, [&](auto number) {
      BlockedPack<decltype(number)>(pack, points, activation)
          .differentiate(saved[5], outputs[0].contiguous(), gradients, of_points);
    });
    if (of_points.defined()) of_points = of_points.sum_to_size(points.sizes());
    return {of_points, gradients.weight, gradients.bias, gradients.out_weight, gradients.out_bias,
            {}};
  }
};

void check_shapes(const PerceptronPack& pack, const torch::Tensor& points) {
  const auto& [weight, bias, out_weight, out_bias] = pack;
  const bool are_whole =
      points.dim() == 3 && weight.dim() == 3 && bias.dim() == 2 && out_weight.dim() == 3;
  TORCH_CHECK(are_whole && points.size(1) == weight.size(2) &&
                  (points.size(0) == 1 || points.size(0) == weight.size(0)) &&
                  bias.sizes() == weight.sizes().slice(0, 2) &&
                  out_weight.size(0) == weight.size(0) && out_weight.size(2) == weight.size(1) &&
                  (!out_bias.defined() || out_bias.sizes() == out_weight.sizes().slice(0, 2)),
              "points ", points.sizes(), " do not match weights ", weight.sizes(), " and ",
              out_weight.sizes(),
              " (want [T or 1, in, N], [T, hidden, in] and [T, out, hidden]) or their biases");
}

bool has_kernel(const PerceptronPack& pack, const torch::Tensor& points) {
  return has_kernel_type(points) && pack.weight.scalar_type() == points.scalar_type() &&
         !at::autocast::is_autocast_enabled(at::kCPU);
}

/// Each trial's part by itself; the trials may be apart. Undefined remains so.
torch::Tensor with_contiguous_trials(const torch::Tensor& tensor) {
  if (!tensor.defined()) return tensor;
  std::int64_t stride = 1;
  for (auto dim = tensor.dim() - 1; dim > 0; stride *= tensor.size(dim--))
    if (tensor.stride(dim) != stride) return tensor.contiguous();
  return tensor;
}

torch::Tensor run_by_kernel(const PerceptronPack& pack, const torch::Tensor& points,
                            Activation activation) {
  if (torch::GradMode::is_enabled()) {
    const auto out_bias = pack.out_bias.defined() ? std::optional(pack.out_bias) : std::nullopt;
    return RunPerceptrons::apply(points, pack.weight, pack.bias, pack.out_weight, out_bias,
                                 static_cast<std::int64_t>(activation));
  }
  return call_for_type_of(points, [&](auto number) {
    BlockedPack<decltype(number)> blocked(pack, points, activation);
    return blocked.run(blocked.room_for_one());
  });
}

}  // namespace

torch::Tensor run_perceptrons(const PerceptronPack& pack, const torch::Tensor& points,
                              Activation activation) {
  check_shapes(pack, points);
  if (has_kernel(pack, points)) {
    return run_by_kernel(
        {with_contiguous_trials(pack.weight), with_contiguous_trials(pack.bias),
         with_contiguous_trials(pack.out_weight), with_contiguous_trials(pack.out_bias)},
        points.contiguous(), activation);
  }
  auto units = dense(pack.weight, pack.bias, points);  // [T, hidden, N]
  activation == Activation::tanh ? units.tanh_() : units.relu_();
  if (!pack.out_bias.defined()) return dense(pack.out_weight, units);
  return dense(pack.out_weight, pack.out_bias, units);
}

}  // namespace trainer
