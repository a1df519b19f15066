// Compiled several times: MPISWEEP_KERNELS names the namespace of each. Nothing here may be shared
// with other files, lest a program take a function from the copy that its processor cannot run.
#include "trainer/models/convolution_kernels.hpp"

#include <cstddef>

namespace trainer::MPISWEEP_KERNELS {
namespace {

#if defined(__AVX512F__)
constexpr std::int64_t kVectorBytes = 64;
constexpr std::int64_t kTile = 8;  // enough sums at a time to hide how long a product takes
#elif defined(__AVX__)
constexpr std::int64_t kVectorBytes = 32;
constexpr std::int64_t kTile = 4;
#else
constexpr std::int64_t kVectorBytes = 16;
constexpr std::int64_t kTile = 2;
#endif
constexpr std::int64_t kVectors = 64 / kVectorBytes;  // of a block
constexpr std::int64_t kWindowAtOnce = 192;           // blocks that stay in the first cache
constexpr std::int64_t kWindowTile = 3;               // sums of correlate()

/// Wherever it begins.
template <class Number>
struct VectorOf {
  using Type [[gnu::vector_size(kVectorBytes), gnu::aligned(alignof(Number)), gnu::may_alias]] =
      Number;
};
template <class Number>
using Vector = typename VectorOf<Number>::Type;

/// As many sources as a vector has numbers.
template <class Number>
struct SourcesOf {
  using Type [[gnu::vector_size(kVectorBytes / sizeof(Number)), gnu::aligned(1)]] = Source;
};
template <class Number>
using Sources = typename SourcesOf<Number>::Type;

template <class Number>
inline const Vector<Number>* vectors(const Number* numbers) {
  return reinterpret_cast<const Vector<Number>*>(numbers);
}

template <class Number>
inline Vector<Number>* vectors(Number* numbers) {
  return reinterpret_cast<Vector<Number>*>(numbers);
}

template <class Number>
inline const Sources<Number>* vectors_of(const Source* sources) {
  return reinterpret_cast<const Sources<Number>*>(sources);
}

template <class Number>
inline Sources<Number>* vectors_of(Source* sources) {
  return reinterpret_cast<Sources<Number>*>(sources);
}

/// The part of the window from `begin` to `end`; the first one begins with the bias.
template <class Number>
inline void convolve_part(const ConvolvedRow<Number>& row, std::int64_t begin, std::int64_t end) {
  for (std::int64_t x = 0; x < row.width; ++x) {
    auto* out = row.out + x * kLanes<Number>;
    Vector<Number> sums[kTile][kVectors];
    for (int i = 0; i < kTile; ++i)
      for (int v = 0; v < kVectors; ++v)
        sums[i][v] =
            begin == 0 ? Vector<Number>{} + row.bias[i] : vectors(out + i * row.out_stride)[v];
    const auto* maps = row.maps + x * kLanes<Number>;
    for (std::int64_t k = begin; k < end; ++k) {
      const auto* values = vectors(maps + row.window.offsets[k]);
      const auto* weights = row.weights + k * kTile;
      for (int i = 0; i < kTile; ++i)
        for (int v = 0; v < kVectors; ++v)
          sums[i][v] += weights[i] * values[v];
    }
    for (int i = 0; i < kTile; ++i)
      for (int v = 0; v < kVectors; ++v)
        vectors(out + i * row.out_stride)[v] = sums[i][v];
  }
}

template <class Number>
void convolve(const ConvolvedRow<Number>& row) {
  std::int64_t begin = 0;
  for (; begin + kWindowAtOnce < row.window.size; begin += kWindowAtOnce)
    convolve_part(row, begin, begin + kWindowAtOnce);
  convolve_part(row, begin, row.window.size);
}

/// Of `kTerms` values of the window, from the k-th on.
template <std::size_t kTerms, class Number>
inline void correlate_terms(const CorrelatedRows<Number>& rows, std::int64_t k) {
  const auto* offsets = rows.window.offsets + k;
  Vector<Number> sums[kTerms][kTile] = {};
  for (std::int64_t y = 0; y < rows.height; ++y) {
    const auto* maps = rows.maps + y * rows.maps_stride;
    const auto* gradients = rows.gradients + y * rows.gradients_stride;
    const Vector<Number>* values[kTerms];
    const Vector<Number>* outer[kTile];
    for (std::size_t j = 0; j < kTerms; ++j)
      values[j] = vectors(maps + offsets[j]);
    for (int i = 0; i < kTile; ++i)
      outer[i] = vectors(gradients + i * rows.tile_stride);
    for (std::int64_t x = 0; x < rows.width * kVectors; ++x)
      for (int i = 0; i < kTile; ++i)
        for (std::size_t j = 0; j < kTerms; ++j)
          sums[j][i] += outer[i][x] * values[j][x];
  }
  auto* out = vectors(rows.sums) + k * kTile;
  for (std::size_t j = 0; j < kTerms; ++j)
    for (int i = 0; i < kTile; ++i)
      *out++ += sums[j][i];
}

template <class Number>
void correlate(const CorrelatedRows<Number>& rows) {
  std::int64_t k = 0;
  for (; k + kWindowTile <= rows.window.size; k += kWindowTile)
    correlate_terms<kWindowTile>(rows, k);
  for (; k < rows.window.size; ++k)
    correlate_terms<1>(rows, k);
}

/// Where the values of the window of a pooled pixel lie.
template <int kPool, class Number>
inline std::int64_t window_offset(const PooledRow<Number>& row, std::int64_t x, int source) {
  return source / kPool * row.stride + (kPool * x + source % kPool) * kLanes<Number>;
}

template <int kPool, class Number>
inline void pool_windows(const PooledRow<Number>& row, const Number* rows, Number* out,
                         Source* sources) {
  using Values = Vector<Number>;
  using Integers = decltype(Values{} < Values{});
  for (std::int64_t x = 0; x < row.width; ++x) {
    for (std::int64_t v = 0; v < kVectors; ++v) {
      Values most = vectors(rows + window_offset<kPool>(row, x, 0))[v];
      Integers from = {};
      for (int source = 1; source < kPool * kPool; ++source) {
        const Values value = vectors(rows + window_offset<kPool>(row, x, source))[v];
        const Integers is_more = (value > most) | (value != value);
        most = is_more ? value : most;
        from = is_more ? Integers{} + source : from;
      }
      const Integers is_nothing = most <= 0;
      vectors(out + x * kLanes<Number>)[v] = is_nothing ? Values{} : most;
      from = is_nothing ? Integers{} + kNowhere : from;
      vectors_of<Number>(sources + x * kLanes<Number>)[v] =
          __builtin_convertvector(from, Sources<Number>);
    }
  }
}

template <class Number>
void pool(const PooledRow<Number>& row, const Number* rows, Number* out, Source* sources) {
  row.pool == 1 ? pool_windows<1>(row, rows, out, sources)
                : pool_windows<2>(row, rows, out, sources);
}

template <int kPool, class Number>
inline void unpool_windows(const PooledRow<Number>& row, const Number* gradients,
                           const Source* sources, Number* rows, Number* sums) {
  using Values = Vector<Number>;
  using Integers = decltype(Values{} < Values{});
  for (std::int64_t x = 0; x < row.width; ++x) {
    for (std::int64_t v = 0; v < kVectors; ++v) {
      const Values gradient = vectors(gradients + x * kLanes<Number>)[v];
      const Integers from =
          __builtin_convertvector(vectors_of<Number>(sources + x * kLanes<Number>)[v], Integers);
      for (int source = 0; source < kPool * kPool; ++source)
        vectors(rows + window_offset<kPool>(row, x, source))[v] =
            from == source ? gradient : Values{};
      vectors(sums)[v] += from == kNowhere ? Values{} : gradient;
    }
  }
}

template <class Number>
void unpool(const PooledRow<Number>& row, const Number* gradients, const Source* sources,
            Number* rows, Number* sums) {
  row.pool == 1 ? unpool_windows<1>(row, gradients, sources, rows, sums)
                : unpool_windows<2>(row, gradients, sources, rows, sums);
}

template <class Number>
constexpr ConvolutionKernels<Number> make_kernels() {
  return {.tile = kTile,
          .sum_size = kVectorBytes / static_cast<std::int64_t>(sizeof(Number)),
          .convolve = convolve<Number>,
          .correlate = correlate<Number>,
          .pool = pool<Number>,
          .unpool = unpool<Number>};
}

}  // namespace

extern const ConvolutionKernelsOfNumbers kernels;
constinit const ConvolutionKernelsOfNumbers kernels = {.of_float = make_kernels<float>(),
                                                       .of_double = make_kernels<double>()};

}  // namespace trainer::MPISWEEP_KERNELS
