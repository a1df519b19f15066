#include "trainer/models/activation.hpp"

#include <algorithm>
#include <array>

#include <torch/csrc/autograd/custom_function.h>

#include "trainer/vectorized.hpp"

namespace trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/// The products W x of one output of one trial.
struct Row {
  float* values;
  std::int64_t size;
};

/// x P(x^2) / Q(x^2), fitted to tanh between 0 and 9 for the least relative error (7e-9).
inline float tanh_of(float x) {
  constexpr float kEnd = 9;  // beyond it tanh rounds to 1
  x = x > kEnd ? kEnd : x;   // leaves what is not a number
  x = x < -kEnd ? -kEnd : x;
  const float s = x * x;
  float p = -8.489012481e-14F;
  p = p * s + 5.278073946e-11F;
  p = p * s - 2.022550091e-08F;
  p = p * s + 1.115437882e-05F;
  p = p * s + 3.103963117e-03F;
  p = p * s + 1.308401633e-01F;
  p = p * s + 9.999999934e-01F;
  float q = 2.546155178e-04F;
  q = q * s + 2.449520605e-02F;
  q = q * s + 4.641734344e-01F;
  q = q * s + 1;
  float y = x * p / q;
  y = y > 1 ? 1 : y;
  return y < -1 ? -1 : y;
}

MPISWEEP_VECTORIZED void add_and_tanh(Row row, float bias) {
  for (std::int64_t i = 0; i < row.size; ++i)
    row.values[i] = tanh_of(row.values[i] + bias);
}

MPISWEEP_VECTORIZED void add_and_relu(Row row, float bias) {
  for (std::int64_t i = 0; i < row.size; ++i) {
    const float x = row.values[i] + bias;
    row.values[i] = x < 0 ? 0 : x;
  }
}

/// Sums of every kLanes-th value, so that a vector holds them.
constexpr std::int64_t kLanes = 16;
using Sums = std::array<float, kLanes>;

float total(const Sums& sums) {
  float all = 0;
  for (const float sum : sums)
    all += sum;
  return all;
}

/// From the gradients of tanh's values, `outer`, those of its arguments.  Returns their sum.
MPISWEEP_VECTORIZED float tanh_backward(const float* values, const float* outer, Row gradients) {
  Sums sums = {};
  for (std::int64_t i = 0; i < gradients.size; i += kLanes) {
    const auto end = std::min(kLanes, gradients.size - i);
    for (std::int64_t lane = 0; lane < end; ++lane) {
      const float y = values[i + lane];
      const float gradient = outer[i + lane] * (1 - y * y);
      gradients.values[i + lane] = gradient;
      sums[static_cast<std::size_t>(lane)] += gradient;
    }
  }
  return total(sums);
}

MPISWEEP_VECTORIZED float relu_backward(const float* values, const float* outer, Row gradients) {
  Sums sums = {};
  for (std::int64_t i = 0; i < gradients.size; i += kLanes) {
    const auto end = std::min(kLanes, gradients.size - i);
    for (std::int64_t lane = 0; lane < end; ++lane) {
      const float gradient = values[i + lane] > 0 ? outer[i + lane] : 0;
      gradients.values[i + lane] = gradient;
      sums[static_cast<std::size_t>(lane)] += gradient;
    }
  }
  return total(sums);
}

bool has_kernel(const torch::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == torch::kFloat && tensor.is_contiguous();
}

void activate_rows(torch::Tensor& sums, const torch::Tensor& bias, Activation activation) {
  const auto biases = bias.contiguous();
  const auto size = sums.size(-1);
  auto* values = sums.mutable_data_ptr<float>();
  const auto* begin = biases.const_data_ptr<float>();
  for (const auto* b = begin; b != begin + biases.numel(); ++b, values += size) {
    activation == Activation::tanh ? add_and_tanh({values, size}, *b)
                                   : add_and_relu({values, size}, *b);
  }
}

/// The gradients of the sums and of the bias, given those of the values.
tensor_list differentiate_rows(const torch::Tensor& values, const torch::Tensor& of_values,
                               Activation activation) {
  const auto size = values.size(-1);
  auto gradients = torch::empty_like(values);
  auto of_bias = torch::empty({values.size(0), values.size(1)}, values.options());
  const auto* y = values.const_data_ptr<float>();
  const auto* outer = of_values.const_data_ptr<float>();
  auto* gradient = gradients.mutable_data_ptr<float>();
  auto* sum = of_bias.mutable_data_ptr<float>();
  for (const auto* end = sum + of_bias.numel(); sum != end; ++sum) {
    *sum = activation == Activation::tanh ? tanh_backward(y, outer, {gradient, size})
                                          : relu_backward(y, outer, {gradient, size});
    y += size, outer += size, gradient += size;
  }
  return {gradients, of_bias, {}};
}

class Activate : public torch::autograd::Function<Activate> {
 public:
  static torch::Tensor forward(AutogradContext* context, torch::Tensor sums,
                               const torch::Tensor& bias, std::int64_t activation) {
    const auto kind = static_cast<Activation>(activation);
    if (has_kernel(sums)) {
      activate_rows(sums, bias, kind);
    } else {
      sums.add_(bias.unsqueeze(-1));
      kind == Activation::tanh ? sums.tanh_() : sums.relu_();
    }
    context->mark_dirty({sums});
    context->save_for_backward({sums});
    context->saved_data["activation"] = activation;
    return sums;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& outputs) {
    const auto values = context->get_saved_variables()[0];
    const auto activation = static_cast<Activation>(context->saved_data["activation"].toInt());
    if (has_kernel(values)) return differentiate_rows(values, outputs[0].contiguous(), activation);
    const auto slope = activation == Activation::tanh ? 1 - values.square() : values.gt(0);
    const auto gradients = outputs[0] * slope;
    return {gradients, gradients.sum(/*dim=*/-1), {}};
  }
};

}  // namespace

torch::Tensor activate(torch::Tensor sums, const torch::Tensor& bias, Activation activation) {
  return Activate::apply(std::move(sums), bias, static_cast<std::int64_t>(activation));
}

}  // namespace trainer
