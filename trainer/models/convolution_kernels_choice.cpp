#include "trainer/models/convolution_kernels.hpp"
#include "trainer/vectorized.hpp"

namespace trainer {

// Each is convolution_kernels.cpp, compiled anew.
namespace kernels_of_any_processor {
extern const ConvolutionKernelsOfNumbers kernels;
}
#if defined(MPISWEEP_HAS_X86_LEVELS)
namespace kernels_of_x86_64_v3 {
extern const ConvolutionKernelsOfNumbers kernels;
}
namespace kernels_of_x86_64_v4 {
extern const ConvolutionKernelsOfNumbers kernels;
}
#endif

namespace {

std::vector<ConvolutionKernelsOfNumbers> choose() {
  std::vector<ConvolutionKernelsOfNumbers> all;
#if defined(MPISWEEP_HAS_X86_LEVELS)
  if (has_x86_64_v4()) all.push_back(kernels_of_x86_64_v4::kernels);
  if (has_x86_64_v3()) all.push_back(kernels_of_x86_64_v3::kernels);
#endif
  all.push_back(kernels_of_any_processor::kernels);
  return all;
}

}  // namespace

const std::vector<ConvolutionKernelsOfNumbers>& convolution_kernels() {
  static const auto all = choose();
  return all;
}

}  // namespace trainer
