#pragma once

namespace trainer {

/// Makes this process train fast on a CPU; call it before the first tensor, in the thread that
/// trains. Freed memory is kept, MKL rounds a trial's products as it does in a pack of several, and
/// subnormal numbers (in single precision those below 1.2e-38) become zero.
void set_up_process();

/// Whether MKL was told to choose its kernels by what the processor can, not by who made it. It
/// changes rounding, so it is recorded with results. The function by which MKL is told is not
/// documented: MPISWEEP_MKL_BY_FEATURES=OFF builds without.
bool has_mkl_by_features();

}  // namespace trainer
