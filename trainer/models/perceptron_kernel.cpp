#include "trainer/models/perceptron_kernel.hpp"

#include <algorithm>
#include <cmath>

#include "trainer/models/block_products.hpp"
#include "trainer/vectorized.hpp"

namespace trainer {
namespace {

/// Of a core's own cache, which often has 512 KiB or more.
constexpr std::int64_t kCacheBytes = 384 << 10;
constexpr std::int64_t kMaxColumns = 512;

std::int64_t round_up(std::int64_t number) {
  return (number + kColumnMultiple - 1) / kColumnMultiple * kColumnMultiple;
}

/// x P(x^2) / Q(x^2), fitted to tanh between 0 and 9 for the least relative error (7e-9).
template <class Vec>
MPISWEEP_INLINE inline void apply_tanh(Vec& x, float /*number*/) {
  constexpr float kEnd = 9 * 9;  // from 9 on tanh rounds to 1
  auto s = x * x;
  s = s > kEnd ? Vec{} + kEnd : s;
  auto p = s * -8.489012481e-14F + 5.278073946e-11F;
  p = p * s - 2.022550091e-08F;
  p = p * s + 1.115437882e-05F;
  p = p * s + 3.103963117e-03F;
  p = p * s + 1.308401633e-01F;
  p = p * s + 9.999999934e-01F;
  auto q = s * 2.546155178e-04F + 2.449520605e-02F;
  q = q * s + 4.641734344e-01F;
  q = q * s + 1.F;
  x = x * p / q;  // what is not a number remains so
  x = x > 1.F ? Vec{} + 1.F : x;
  x = x < -1.F ? Vec{} - 1.F : x;
}

template <class Vec>
MPISWEEP_INLINE inline void apply_tanh(Vec& x, double /*number*/) {
  for (std::int64_t lane = 0; lane < kNumbersIn<Vec, double>; ++lane)
    x[lane] = std::tanh(x[lane]);
}

template <int kBytes, class Number>
MPISWEEP_INLINE inline void activate_row(Number* row, std::int64_t columns, Number bias,
                                         Activation activation) {
  using Vec = Vector<Number, kBytes>;
  for (std::int64_t k = 0; k < columns; k += kNumbersIn<Vec, Number>) {
    auto x = load<Vec>(row + k) + bias;
    if (activation == Activation::tanh) {
      apply_tanh(x, Number());
    } else {
      x = x < Vec{} ? Vec{} : x;
    }
    store(x, row + k);
  }
}

/// From the gradients of a unit's values those of its sums, in place.  Returns their sum.
template <int kBytes, class Number>
MPISWEEP_INLINE inline Number differentiate_row(const Number* values, Number* gradients,
                                                std::int64_t columns, Activation activation) {
  using Vec = Vector<Number, kBytes>;
  Vec sum = {};
  for (std::int64_t k = 0; k < columns; k += kNumbersIn<Vec, Number>) {
    const auto y = load<Vec>(values + k);
    auto gradient = load<Vec>(gradients + k);
    if (activation == Activation::tanh) {
      gradient *= Number(1) - y * y;
    } else {
      gradient = y > Vec{} ? gradient : Vec{};
    }
    store(gradient, gradients + k);
    sum += gradient;
  }
  return sum_of<Number>(sum);
}

template <int kBytes, class Number>
MPISWEEP_INLINE inline Number sum_of_row(const Number* row, std::int64_t columns) {
  using Vec = Vector<Number, kBytes>;
  Vec sum = {};
  for (std::int64_t k = 0; k < columns; k += kNumbersIn<Vec, Number>)
    sum += load<Vec>(row + k);
  return sum_of<Number>(sum);
}

template <int kBytes, class Number>
MPISWEEP_INLINE inline void run_in(const PerceptronRun<Number>& run) {
  const auto [in, hidden, out, activation] = run.sizes;
  const auto [columns, stride] = run.block;
  const auto& [weight, bias, out_weight, out_bias] = run.weights;
  multiply<kBytes, Number>({weight, hidden, in, in}, {run.points, in, columns, stride},
                           {run.hidden, hidden, columns, stride});
  for (std::int64_t i = 0; i < hidden; ++i)
    activate_row<kBytes>(run.hidden + i * stride, columns, bias[i], activation);
  multiply<kBytes, Number>({out_weight, out, hidden, hidden}, {run.hidden, hidden, columns, stride},
                           {run.outputs, out, columns, stride});
  if (out_bias == nullptr) return;
  for (std::int64_t i = 0; i < out; ++i)
    for (std::int64_t k = 0; k < columns; ++k)
      run.outputs[i * stride + k] += out_bias[i];
}

template <int kBytes, class Number>
MPISWEEP_INLINE inline void differentiate_in(const PerceptronRun<Number>& run,
                                             const PerceptronGradients<Number>& gradients) {
  const auto [in, hidden, out, activation] = run.sizes;
  const auto [columns, stride] = run.block;
  const auto& [of_outputs, of_sums, of_weights, of_points] = gradients;
  const Matrix<const Number> sums = {of_sums, hidden, columns, stride};
  const Matrix<const Number> outputs = {of_outputs, out, columns, stride};
  multiply<kBytes, Number>({run.weights.out_weight, hidden, out, 1, hidden}, outputs,
                           {of_sums, hidden, columns, stride});
  for (std::int64_t i = 0; i < hidden; ++i)
    of_weights.bias[i] += differentiate_row<kBytes>(run.hidden + i * stride, of_sums + i * stride,
                                                    columns, activation);
  add_products_of_rows<kBytes, Number>(sums, {run.points, in, columns, stride},
                                       {of_weights.weight, hidden, in, in});
  add_products_of_rows<kBytes, Number>({run.hidden, hidden, columns, stride}, outputs,
                                       {of_weights.out_weight, hidden, out, 1, hidden});
  for (std::int64_t i = 0; of_weights.out_bias != nullptr && i < out; ++i)
    of_weights.out_bias[i] += sum_of_row<kBytes>(of_outputs + i * stride, columns);
  if (of_points == nullptr) return;
  multiply<kBytes, Number>({run.weights.weight, in, hidden, 1, in}, sums,
                           {of_points, in, columns, stride});
}

template <class Number>
void run_any(const PerceptronRun<Number>& run) {
  run_in<16>(run);
}

template <class Number>
void differentiate_any(const PerceptronRun<Number>& run,
                       const PerceptronGradients<Number>& gradients) {
  differentiate_in<16>(run, gradients);
}

#if defined(MPISWEEP_X86_64_V3)

template <class Number>
MPISWEEP_X86_64_V3 void run_v3(const PerceptronRun<Number>& run) {
  run_in<32>(run);
}

template <class Number>
MPISWEEP_X86_64_V3 void differentiate_v3(const PerceptronRun<Number>& run,
                                         const PerceptronGradients<Number>& gradients) {
  differentiate_in<32>(run, gradients);
}

template <class Number>
MPISWEEP_X86_64_V4 void run_v4(const PerceptronRun<Number>& run) {
  run_in<64>(run);
}

template <class Number>
MPISWEEP_X86_64_V4 void differentiate_v4(const PerceptronRun<Number>& run,
                                         const PerceptronGradients<Number>& gradients) {
  differentiate_in<64>(run, gradients);
}

#endif

template <class Number>
std::vector<PerceptronKernel<Number>> choose_kernels() {
  std::vector<PerceptronKernel<Number>> kernels;
#if defined(MPISWEEP_X86_64_V3)
  if (has_x86_64_v4()) kernels.push_back({run_v4<Number>, differentiate_v4<Number>});
  if (has_x86_64_v3()) kernels.push_back({run_v3<Number>, differentiate_v3<Number>});
#endif
  kernels.push_back({run_any<Number>, differentiate_any<Number>});
  return kernels;
}

}  // namespace

Block choose_block(const PerceptronSizes& sizes, std::int64_t num_points,
                   std::int64_t number_bytes) {
  const auto column_bytes = (sizes.in + 2 * sizes.hidden + 2 * sizes.out) * number_bytes;
  const auto most = std::clamp(kCacheBytes / column_bytes, kColumnMultiple, kMaxColumns);
  const auto count = std::max<std::int64_t>((num_points + most - 1) / most, 1);
  const auto columns = std::max(round_up((num_points + count - 1) / count), kColumnMultiple);
  return {.columns = columns, .stride = (columns / kColumnMultiple | 1) * kColumnMultiple};
}

template <class Number>
const std::vector<PerceptronKernel<Number>>& perceptron_kernels() {
  static const auto kernels = choose_kernels<Number>();
  return kernels;
}

template const std::vector<PerceptronKernel<float>>& perceptron_kernels();
template const std::vector<PerceptronKernel<double>>& perceptron_kernels();

}  // namespace trainer
