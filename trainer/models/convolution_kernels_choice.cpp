#include "trainer/models/convolution_kernels.hpp"

namespace trainer {

// Each is convolution_kernels.cpp, compiled anew.
namespace kernels_of_any_processor {
extern const ConvolutionKernelsOfNumbers kKernels;
}
#if defined(MPISWEEP_HAS_X86_LEVELS)
namespace kernels_of_x86_64_v3 {
extern const ConvolutionKernelsOfNumbers kKernels;
}
namespace kernels_of_x86_64_v4 {
extern const ConvolutionKernelsOfNumbers kKernels;
}
#endif

namespace {

#if defined(MPISWEEP_HAS_X86_LEVELS)
bool runs_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2");
}

bool runs_v4() {
  return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

std::vector<ConvolutionKernelsOfNumbers> choose() {
  std::vector<ConvolutionKernelsOfNumbers> kernels;
#if defined(MPISWEEP_HAS_X86_LEVELS)
  if (runs_v4()) kernels.push_back(kernels_of_x86_64_v4::kKernels);
  if (runs_v3()) kernels.push_back(kernels_of_x86_64_v3::kKernels);
#endif
  kernels.push_back(kernels_of_any_processor::kKernels);
  return kernels;
}

}  // namespace

const std::vector<ConvolutionKernelsOfNumbers>& convolution_kernels() {
  static const auto kernels = choose();
  return kernels;
}

}  // namespace trainer
