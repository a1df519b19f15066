#pragma once

/// Compiles a function for each generation of x86 processors, of which the first call takes the
/// best that it runs on. Elsewhere the compiler's own choice is good enough.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define MPISWEEP_VECTORIZED \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MPISWEEP_VECTORIZED
#endif
