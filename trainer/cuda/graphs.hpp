#pragma once

#include "trainer/recorder.hpp"

/// What libmpisweep-trainer-cuda.so offers. It is built where the headers of the CUDA runtime are,
/// and loaded where there is a GPU: nothing else of ours needs CUDA to be built or to start.
namespace trainer {

inline constexpr const char* kCudaLibrary = "libmpisweep-trainer-cuda.so";

struct CudaGraphs {
  /// Makes the GPU, and a stream of its own, the current ones of this thread: work on the default
  /// stream cannot be recorded. Call it before the first tensor is made there.
  void (*open)(int gpu_index) = nullptr;

  /// Records CUDA graphs that share their memory. What it recorded is to be replayed on the thread
  /// that called open(), and the work must leave nothing in memory that it took.
  Recorder (*make_recorder)() = nullptr;
};

/// The only symbol of the library: a function of this type and name.
using GetCudaGraphs = const CudaGraphs* (*)();
inline constexpr const char* kGetCudaGraphs = "mpisweep_cuda_graphs";

}  // namespace trainer
