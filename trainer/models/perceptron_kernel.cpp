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
constexpr std::int64_t kTileColumns = 64;  // whole tiles, however large a vector is

/// The least one that holds so many.
std::int64_t multiple_of(std::int64_t size, std::int64_t count) {
  return (count + size - 1) / size * size;
}

/// The numbers, or the bound where they are above it; what is not a number remains so.
template <class Vec>
MPISWEEP_INLINE inline Vec bounded_above(const Vec& numbers, float bound) {
  auto bounds = Vec{} + bound;
  keep_in_register(bounds);  // or GCC takes three instructions for one
  return bounds < numbers ? bounds : numbers;
}

/// Likewise, where they are below it.
template <class Vec>
MPISWEEP_INLINE inline Vec bounded_below(const Vec& numbers, float bound) {
  auto bounds = Vec{} + bound;
  keep_in_register(bounds);
  return bounds > numbers ? bounds : numbers;
}

/// x P(x^2) / Q(x^2), fitted to tanh between 0 and 9 for the least relative error (2e-8, and 1e-7
/// with rounded coefficients). Powers are added in pairs, of which many are on their way at a time.
template <class Vec>
MPISWEEP_INLINE inline Vec tanh_of(const Vec& x, float /*number*/) {
  constexpr float kEnd = 9 * 9;  // from 9 on tanh rounds to 1
  const auto s = bounded_above<Vec>(x * x, kEnd);
  const auto s2 = s * s;
  const auto p = (s2 * 1.335463503e-08F + (s * 2.060906197e-05F + 3.495586820e-03F)) * s2 +
                 (s * 1.338102451e-01F + 9.999999794e-01F);
  const auto q = (s2 * 7.776547124e-07F + (s * 3.285632734e-04F + 2.587697714e-02F)) * s2 +
                 (s * 4.671434010e-01F + 1.F);
  return bounded_below<Vec>(bounded_above<Vec>(x * p / q, 1.F), -1.F);
}

template <class Vec>
MPISWEEP_INLINE inline Vec tanh_of(Vec x, double /*number*/) {
  for (std::int64_t lane = 0; lane < kNumbersIn<Vec, double>; ++lane)
    x[lane] = std::tanh(x[lane]);
  return x;
}

/// Of one unit, as many sums without bias as a vector has numbers, in place.
template <class Vec, class Number>
MPISWEEP_INLINE inline void activate(Number* sums, Number bias, Activation activation) {
  const auto x = load<Vec>(sums) + bias;
  store(activation == Activation::tanh ? tanh_of(x, Number()) : x < Vec{} ? Vec{} : x, sums);
}

/// From the gradients of outputs those of `kRows` hidden units' sums and biases.
template <class Vec, int kRows, class Number>
MPISWEEP_INLINE inline void differentiate_units(const PerceptronRun<Number>& run,
                                                const PerceptronGradients<Number>& gradients,
                                                std::int64_t first) {
  const auto& [in, hidden, out, activation] = run.sizes;
  const auto [columns, stride] = run.block;
  Vec of_bias[std::size_t{kRows}] = {};
  for (std::int64_t k = 0; k < columns; k += kNumbersIn<Vec, Number>) {
    Vec of_units[std::size_t{kRows}] = {};
    for (std::int64_t o = 0; o < out; ++o) {
      const auto of_output = load<Vec>(gradients.of_outputs + o * stride + k);
      for (int i = 0; i < kRows; ++i)
        of_units[i] += run.weights.out_weight[o * hidden + first + i] * of_output;
    }
    for (int i = 0; i < kRows; ++i) {
      const auto place = (first + i) * stride + k;
      const auto y = load<Vec>(run.hidden + place);
      const auto of_sum = activation == Activation::tanh ? of_units[i] * (Number(1) - y * y)
                          : y > Vec{}                    ? of_units[i]
                                                         : Vec{};
      store(of_sum, gradients.of_sums + place);
      of_bias[i] += of_sum;
    }
  }
  for (int i = 0; i < kRows; ++i)
    gradients.of_weights.bias[first + i] += sum_of<Number>(of_bias[i]);
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
  using Vec = Vector<Number, kBytes>;
  const auto [in, hidden, out, activation] = run.sizes;
  const auto [columns, stride] = run.block;
  const auto& [weight, bias, out_weight, out_bias] = run.weights;
  const auto activate_vector = [&](std::int64_t unit, std::int64_t column) MPISWEEP_INLINE {
    activate<Vec>(run.hidden + unit * run.block.stride + column, run.weights.bias[unit],
                  run.sizes.activation);
  };
  multiply<kBytes, Number>({weight, hidden, in, in}, {run.points, in, columns, stride},
                           {run.hidden, hidden, columns, stride}, activate_vector);
  multiply<kBytes, Number>({out_weight, out, hidden, hidden}, {run.hidden, hidden, columns, stride},
                           {run.outputs, out, columns, stride});
  if (out_bias == nullptr) return;
  for (std::int64_t i = 0; i < out; ++i)
    for (std::int64_t k = 0; k < columns; ++k)
      run.outputs[i * stride + k] += out_bias[i];
}

/// From the gradients of sums those of the first layer's weights. The transposed points' columns
/// are vectors, whose lanes need no adding up.
template <int kBytes, class Number>
MPISWEEP_INLINE inline void differentiate_weight(const PerceptronRun<Number>& run,
                                                 const PerceptronGradients<Number>& gradients) {
  const auto& [in, hidden, out, activation] = run.sizes;
  const auto [columns, stride] = run.block;
  constexpr auto kLanes = kNumbersIn<Vector<Number, kBytes>, Number>;
  const auto row = padded(in);
  const auto used = multiple_of(kLanes, in);
  multiply<kBytes, Number>({gradients.of_sums, hidden, columns, stride},
                           {gradients.transposed_points, columns, used, row},
                           {gradients.of_weight_here, hidden, used, row});
  for (std::int64_t i = 0; i < hidden; ++i)
    for (std::int64_t k = 0; k < in; ++k)
      gradients.of_weights.weight[i * in + k] += gradients.of_weight_here[i * row + k];
}

template <int kBytes, class Number>
MPISWEEP_INLINE inline void differentiate_in(const PerceptronRun<Number>& run,
                                             const PerceptronGradients<Number>& gradients) {
  const auto [in, hidden, out, activation] = run.sizes;
  const auto [columns, stride] = run.block;
  const auto& of_weights = gradients.of_weights;
  for_groups(hidden, [&](std::int64_t first, auto rows) MPISWEEP_INLINE {
    differentiate_units<Vector<Number, kBytes>, rows()>(run, gradients, first);
  });
  differentiate_weight<kBytes>(run, gradients);
  add_products_of_rows<kBytes, Number>({run.hidden, hidden, columns, stride},
                                       {gradients.of_outputs, out, columns, stride},
                                       {of_weights.out_weight, hidden, out, 1, hidden});
  for (std::int64_t i = 0; of_weights.out_bias != nullptr && i < out; ++i)
    of_weights.out_bias[i] += sum_of_row<kBytes>(gradients.of_outputs + i * stride, columns);
  if (gradients.of_points == nullptr) return;
  multiply<kBytes, Number>({run.weights.weight, in, hidden, 1, in},
                           {gradients.of_sums, hidden, columns, stride},
                           {gradients.of_points, in, columns, stride});
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

std::int64_t padded(std::int64_t count) {
  return multiple_of(kColumnMultiple, count);
}

Block choose_block(const PerceptronSizes& sizes, std::int64_t num_points,
                   std::int64_t number_bytes) {
  const auto column_bytes = (sizes.in + 2 * sizes.hidden + 2 * sizes.out) * number_bytes;
  const auto fitting = std::clamp(kCacheBytes / column_bytes, kColumnMultiple, kMaxColumns);
  const auto multiple = fitting < kTileColumns ? kColumnMultiple : kTileColumns;
  const auto most = fitting / multiple * multiple;
  const auto count = std::max<std::int64_t>((num_points + most - 1) / most, 1);
  const auto even = multiple_of(multiple, (num_points + count - 1) / count);
  const auto columns = std::max(std::min(even, padded(num_points)), kColumnMultiple);
  return {.columns = columns, .stride = (columns / kColumnMultiple | 1) * kColumnMultiple};
}

template <class Number>
void transpose(const Number* points, std::int64_t in, const Block& block, Number* transposed) {
  using Vec =
      Vector<Number, 16>;  // of any processor: the points are most often those of all trials
  constexpr auto kSize = kNumbersIn<Vec, Number>;
  const auto row = padded(in);
  for (std::int64_t k = 0; k < block.columns; k += kSize)
    for (std::int64_t i = 0; i < row; i += kSize)
      transpose_square<Vec>(points + i * block.stride + k, block.stride, transposed + k * row + i,
                            row);
}

template <class Number>
const std::vector<PerceptronKernel<Number>>& perceptron_kernels() {
  static const auto kernels = choose_kernels<Number>();
  return kernels;
}

template void transpose(const float*, std::int64_t, const Block&, float*);
template void transpose(const double*, std::int64_t, const Block&, double*);
template const std::vector<PerceptronKernel<float>>& perceptron_kernels();
template const std::vector<PerceptronKernel<double>>& perceptron_kernels();

}  // namespace trainer
