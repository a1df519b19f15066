#include "trainer/process.hpp"

#include <climits>
#include <cstdlib>

#include <malloc.h>

#include "trainer/torch.hpp"

#ifdef MPISWEEP_MKL_BY_FEATURES
/// MKL asks this before its first product, and takes slow kernels where the answer is no: those
/// for AMD's processors, which have all that the fast ones need. It looks at features after that.
extern "C" int mkl_serv_intel_cpu_true() {
  return 1;
}
#endif

namespace trainer {
namespace {

/// glibc gives large blocks back to the kernel as soon as they are freed, and tensors are large and
/// freed in every step: kept instead, training is up to twice as fast. With each it would also go
/// through its lists of small ones, which takes a fiftieth of the time.
void keep_freed_memory() {
  mallopt(M_MXFAST, 0);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

/// MKL rounds a product of one trial's matrices as it does in a batch of several, at no cost that
/// we could measure. It reads this once, at its first product.
void round_alike_in_any_pack() {
  setenv("MKL_CBWR", "AUTO", /*overwrite=*/0);
}

/// Processors of Intel take some hundred cycles for each number below the least normal one, and
/// saturated units and certain predictions make many: with them a batch took twice as long.
void flush_subnormal_numbers() {
  at::globalContext().setFlushDenormal(true);
}

}  // namespace

void set_up_process() {
  keep_freed_memory();
  round_alike_in_any_pack();
  flush_subnormal_numbers();
}

bool has_mkl_by_features() {
#ifdef MPISWEEP_MKL_BY_FEATURES
  return true;
#else
  return false;
#endif
}

}  // namespace trainer
