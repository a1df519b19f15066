/// Linked into a program, it does before main() what mpisweep-trainer does before it trains.
#include <climits>
#include <cstdlib>

#include <malloc.h>

/// MKL asks this before it chooses its code: yes, by what the processor can do, whoever made it.
/// LibTorch does not document it; another MKL may not ask.
extern "C" int mkl_serv_intel_cpu_true() {
  return 1;
}

namespace {

[[gnu::constructor]] void set_up() {
  setenv("MKL_CBWR", "AUTO", /*overwrite=*/0);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

}  // namespace
