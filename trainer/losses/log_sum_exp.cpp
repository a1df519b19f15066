#include "trainer/losses/log_sum_exp.hpp"

#include <algorithm>

#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernel_types.hpp"
#include "trainer/losses/column_kernels.hpp"

namespace trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr std::int64_t kRowDim = 1;  // of values; of logits the classes

bool has_kernel(const torch::Tensor& values) {
  return has_kernel_type(values) && values.numel() > 0;
}

ColumnSizes sizes_of(const torch::Tensor& values) {
  const auto T = values.size(0);
  const auto R = values.size(kRowDim);
  return {T, R, values.numel() / (T * R)};
}

/// log sum_r exp(x_r) is `largest` + log `sum`. They are kept apart, since beside a large value the
/// logarithm would lose its digits.  Shapes: each [T, ..]
struct Sums {
  torch::Tensor largest;
  torch::Tensor sum;  // of exp(x - largest), at least 1
};

/// Shapes: values [T, R, ..] contiguous
Sums run_kernel(const torch::Tensor& values) {
  auto shape = values.sizes().vec();
  shape.erase(shape.begin() + kRowDim);
  Sums sums = {torch::empty(shape, values.options()), torch::empty(shape, values.options())};
  call_for_type_of(values, [&](auto number) {
    using Number = decltype(number);
    sum_exponentials(sizes_of(values), values.const_data_ptr<Number>(),
                     sums.largest.mutable_data_ptr<Number>(), sums.sum.mutable_data_ptr<Number>());
  });
  return sums;
}

/// Shares times exp(x - largest).
/// Shapes: values [T, R, ..], shares [T, ..], all contiguous -> [T, R, ..]
torch::Tensor scale_exponentials_of(const torch::Tensor& values, const Sums& sums,
                                    const torch::Tensor& shares) {
  auto products = torch::empty_like(values);
  call_for_type_of(values, [&](auto number) {
    using Number = decltype(number);
    scale_exponentials(sizes_of(values), values.const_data_ptr<Number>(),
                       sums.largest.const_data_ptr<Number>(), shares.const_data_ptr<Number>(),
                       products.mutable_data_ptr<Number>());
  });
  return products;
}

/// Calls visit(place of the label's entry in [T, C, N], place in [T, N]).
template <class Visit>
void for_labels(const ColumnSizes& sizes, const torch::Tensor& labels, const Visit& visit) {
  const auto [T, C, N] = sizes;
  const auto* label = labels.const_data_ptr<std::int64_t>();
  const auto B = labels.size(0);
  for (std::int64_t t = 0; t < T; ++t)
    for (std::int64_t first = 0; first < N; first += B)
      for (std::int64_t b = 0; b < B; ++b)
        visit((t * C + label[b]) * N + first + b, t * N + first + b);
}

class LogSumExp : public torch::autograd::Function<LogSumExp> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& values) {
    const auto sums = run_kernel(values);
    context->save_for_backward({values, sums.largest, sums.sum});
    return sums.largest + sums.sum.log();
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& outputs) {
    const auto saved = context->get_saved_variables();
    const auto shares = (outputs[0] / saved[2]).contiguous();
    return {scale_exponentials_of(saved[0], {saved[1], saved[2]}, shares)};
  }
};

class Softmax : public torch::autograd::Function<Softmax> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& values) {
    const auto sums = run_kernel(values);
    const auto shares = scale_exponentials_of(values, sums, sums.sum.reciprocal());
    context->save_for_backward({shares});
    return shares;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& outputs) {
    const auto shares = context->get_saved_variables()[0];
    return {at::_softmax_backward_data(outputs[0], shares, kRowDim, shares.scalar_type())};
  }
};

class LabelLogProbabilities : public torch::autograd::Function<LabelLogProbabilities> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& logits,
                               const torch::Tensor& labels) {
    const auto sums = run_kernel(logits);
    context->save_for_backward({logits, labels, sums.largest, sums.sum});
    auto log_p = torch::empty_like(sums.largest);
    call_for_type_of(logits, [&](auto number) {
      using Number = decltype(number);
      const auto* from = logits.const_data_ptr<Number>();
      const auto* largest = sums.largest.const_data_ptr<Number>();
      auto* to = log_p.mutable_data_ptr<Number>();
      for_labels(sizes_of(logits), labels,
                 [=](std::int64_t entry, std::int64_t n) { to[n] = from[entry] - largest[n]; });
    });
    return log_p.sub_(sums.sum.log());
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& outputs) {
    const auto saved = context->get_saved_variables();
    const auto gradient = outputs[0].contiguous();
    const auto of_logits =
        scale_exponentials_of(saved[0], {saved[2], saved[3]}, gradient.neg() / saved[3]);
    call_for_type_of(gradient, [&](auto number) {
      using Number = decltype(number);
      const auto* from = gradient.const_data_ptr<Number>();
      auto* to = of_logits.mutable_data_ptr<Number>();
      for_labels(sizes_of(of_logits), saved[1],
                 [=](std::int64_t entry, std::int64_t n) { to[entry] += from[n]; });
    });
    return {of_logits, {}};
  }
};

void check(const torch::Tensor& logits, const torch::Tensor& labels) {
  TORCH_CHECK((logits.dim() == 3 || logits.dim() == 4) && labels.dim() == 1 &&
                  labels.size(0) == logits.size(-1) && labels.scalar_type() == torch::kLong &&
                  labels.device() == logits.device(),
              "logits ", logits.sizes(), " do not match labels ", labels.sizes(), " of ",
              labels.scalar_type(),
              " (want [T, C, B] or [T, C, m, B] and int64 [B], on one device)");
}

void check_range(const torch::Tensor& labels, std::int64_t num_classes) {
  const auto* begin = labels.const_data_ptr<std::int64_t>();
  TORCH_CHECK(std::all_of(begin, begin + labels.numel(),
                          [=](auto label) { return label >= 0 && label < num_classes; }),
              "a label is none of ", num_classes, " classes");
}

}  // namespace

torch::Tensor log_sum_exp(const torch::Tensor& values) {
  TORCH_CHECK(values.dim() >= 2, "values ", values.sizes(), " have no second dimension");
  if (!has_kernel(values)) return torch::logsumexp(values, kRowDim);
  return LogSumExp::apply(values.contiguous());
}

torch::Tensor softmax(const torch::Tensor& values) {
  TORCH_CHECK(values.dim() >= 2, "values ", values.sizes(), " have no second dimension");
  if (!has_kernel(values)) return torch::softmax(values, kRowDim);
  return Softmax::apply(values.contiguous());
}

torch::Tensor label_log_probabilities(const torch::Tensor& logits, const torch::Tensor& labels) {
  check(logits, labels);
  if (has_kernel(logits)) {
    const auto own_labels = labels.contiguous();
    check_range(own_labels, logits.size(kRowDim));
    return LabelLogProbabilities::apply(logits.contiguous(), own_labels);
  }
  auto sizes = logits.sizes().vec();
  sizes[kRowDim] = 1;
  return torch::log_softmax(logits, kRowDim).gather(kRowDim, labels.expand(sizes)).squeeze(kRowDim);
}

}  // namespace trainer
