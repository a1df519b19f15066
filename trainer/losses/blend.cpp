#include "trainer/losses/blend.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "trainer/kernel_types.hpp"
#include "trainer/vectorized.hpp"

namespace trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// sum += a x, element by element.
template <class Number>
inline void add_products(Number* __restrict__ sum, const Number* __restrict__ a,
                         const Number* __restrict__ x, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i)
    sum[i] += a[i] * x[i];
}

struct BlendSizes {
  std::int64_t trials, segments, features, inputs;
  std::int64_t from_trial_to_trial;  // of segments; 0: all share them
};

BlendSizes sizes_of(const torch::Tensor& attention, const torch::Tensor& segments) {
  return {attention.size(0), attention.size(1), segments.size(1), attention.size(2),
          segments.size(0) == 1 ? 0 : segments.stride(0)};
}

/// Shapes: blended [T, d, B], attention [T, m, B], segments [T or 1, d, m, B]
template <class Number>
inline void add_blends(const BlendSizes& sizes, Number* blended, const Number* attention,
                       const Number* segments) {
  const auto [T, m, d, B, trial] = sizes;
  for (std::int64_t t = 0; t < T; ++t)
    for (std::int64_t k = 0; k < d; ++k)
      for (std::int64_t j = 0; j < m; ++j)
        add_products(blended + (t * d + k) * B, attention + (t * m + j) * B,
                     segments + t * trial + (k * m + j) * B, B);
}

/// Adds the gradients of the attention, given those of the blends.  Shapes: as above
template <class Number>
inline void add_gradients(const BlendSizes& sizes, const Number* of_blended, Number* of_attention,
                          const Number* segments) {
  const auto [T, m, d, B, trial] = sizes;
  for (std::int64_t t = 0; t < T; ++t)
    for (std::int64_t j = 0; j < m; ++j)
      for (std::int64_t k = 0; k < d; ++k)
        add_products(of_attention + (t * m + j) * B, of_blended + (t * d + k) * B,
                     segments + t * trial + (k * m + j) * B, B);
}

// One function of each for every type, since MPISWEEP_VECTORIZED takes no templates.
MPISWEEP_VECTORIZED void add_all(const BlendSizes& sizes, float* sum, const float* a,
                                 const float* x) {
  add_blends(sizes, sum, a, x);
}
MPISWEEP_VECTORIZED void add_all(const BlendSizes& sizes, double* sum, const double* a,
                                 const double* x) {
  add_blends(sizes, sum, a, x);
}
MPISWEEP_VECTORIZED void add_all_gradients(const BlendSizes& sizes, const float* g, float* sum,
                                           const float* x) {
  add_gradients(sizes, g, sum, x);
}
MPISWEEP_VECTORIZED void add_all_gradients(const BlendSizes& sizes, const double* g, double* sum,
                                           const double* x) {
  add_gradients(sizes, g, sum, x);
}

/// Not by the number of trials, lest one be rounded otherwise alone than in a pack.
bool has_kernel(const torch::Tensor& attention, const torch::Tensor& segments) {
  return has_kernel_type(attention) && segments.scalar_type() == attention.scalar_type();
}

class Blend : public torch::autograd::Function<Blend> {
 public:
  /// Shapes: attention [T, m, B], segments [T or 1, d, m, B], both contiguous
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& attention,
                               const torch::Tensor& segments) {
    context->save_for_backward({attention, segments});
    const auto sizes = sizes_of(attention, segments);
    auto blended = torch::zeros({sizes.trials, sizes.features, sizes.inputs}, attention.options());
    call_for_type_of(attention, [&](auto number) {
      using Number = decltype(number);
      add_all(sizes, blended.mutable_data_ptr<Number>(), attention.const_data_ptr<Number>(),
              segments.const_data_ptr<Number>());
    });
    return blended;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& outputs) {
    const auto saved = context->get_saved_variables();
    const auto gradient = outputs[0].contiguous();
    auto of_attention = torch::zeros_like(saved[0]);
    call_for_type_of(gradient, [&](auto number) {
      using Number = decltype(number);
      add_all_gradients(sizes_of(saved[0], saved[1]), gradient.const_data_ptr<Number>(),
                        of_attention.mutable_data_ptr<Number>(), saved[1].const_data_ptr<Number>());
    });
    if (!context->needs_input_grad(1)) return {of_attention, {}};
    const auto of_segments = gradient.unsqueeze(2) * saved[0].unsqueeze(1);  // [T, d, m, B]
    return {of_attention, of_segments.sum_to_size(saved[1].sizes())};
  }
};

}  // namespace

torch::Tensor blend(const torch::Tensor& attention, const torch::Tensor& segments) {
  if (has_kernel(attention, segments)) {
    return Blend::apply(attention.contiguous(), segments.contiguous());
  }
  if (!attention.is_cpu() && segments.size(0) == 1) return blend_by_products(attention, segments);
  return (attention.unsqueeze(1) * segments).sum(/*dim=*/2);
}

torch::Tensor blend_by_products(const torch::Tensor& attention, const torch::Tensor& segments) {
  // Contiguous here, lest a product on the way back have it copied again.
  const auto of_inputs = segments.squeeze(0).permute({2, 1, 0}).contiguous();  // [B, m, d]
  return torch::bmm(attention.permute({2, 0, 1}), of_inputs)                   // [B, T, d]
      .permute({1, 2, 0});
}

}  // namespace trainer
