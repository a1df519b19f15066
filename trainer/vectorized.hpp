#pragma once

#if defined(__x86_64__) && defined(__GNUC__)

/// Generations of x86 processors that this one runs the code of.
namespace trainer {

inline bool has_x86_64_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi2");
}

inline bool has_x86_64_v4() {
  return has_x86_64_v3() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

}  // namespace trainer

#endif

/// For which functions are compiled beside the one for any.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MPISWEEP_X86_64_V3 __attribute__((target("arch=x86-64-v3")))  // vectors of 32 bytes
#define MPISWEEP_X86_64_V4 __attribute__((target("arch=x86-64-v4")))  // vectors of 64 bytes
#endif

/// Compiles a function for each generation, of which the first call takes the best that it runs
/// on. Elsewhere the compiler's own choice is good enough.
#if defined(MPISWEEP_X86_64_V3) && !defined(__SANITIZE_ADDRESS__)
#define MPISWEEP_VECTORIZED \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MPISWEEP_VECTORIZED
#endif
