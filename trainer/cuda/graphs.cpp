#include "trainer/cuda/graphs.hpp"

#include <memory>
#include <utility>

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

namespace trainer {
namespace {

using at::cuda::CUDAGraph;

/// Graphs with one pool of memory for the tensors that live within them. They may share it, since
/// they run one after the other and none finds anything there that it left.
class GraphPool {
 public:
  Replay record(const std::function<void()>& work) {
    give_back_unused_memory();
    auto graph = std::make_shared<CUDAGraph>();
    try {
      graph->capture_begin(id_);
      work();
      graph->capture_end();
    } catch (...) {
      abandon(std::move(graph));
      throw;
    }
    if (!first_) first_ = graph;
    return [graph] { graph->replay(); };
  }

 private:
  /// What direct work has left to the allocator; the pool will need as much.
  static void give_back_unused_memory() {
    c10::cuda::device_synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();
  }

  /// Ends a capture that failed, so that the stream can be worked on directly again.
  void abandon(std::shared_ptr<CUDAGraph> graph) const {
    const auto stream = c10::cuda::getCurrentCUDAStream();
    auto status = cudaStreamCaptureStatusNone;
    cudaGraph_t unusable = nullptr;
    cudaStreamIsCapturing(stream, &status);
    if (status != cudaStreamCaptureStatusNone) cudaStreamEndCapture(stream, &unusable);
    if (unusable != nullptr) cudaGraphDestroy(unusable);
    cudaGetLastError();  // lest the next kernel is blamed
    try {
      c10::cuda::CUDACachingAllocator::endAllocateToPool(stream.device_index(), id_);
      c10::cuda::CUDACachingAllocator::releasePool(stream.device_index(), id_);
    } catch (const c10::Error&) {  // it had come so far
    }
    new std::shared_ptr<CUDAGraph>(std::move(graph));  // NOLINT: allocators may ask it for ever
  }

  at::cuda::MempoolId_t id_ = at::cuda::graph_pool_handle();
  std::shared_ptr<CUDAGraph> first_ = {};  // keeps the pool while others come and go
};

void open(int gpu_index) {
  const auto index = static_cast<c10::DeviceIndex>(gpu_index);
  c10::cuda::set_device(index);
  c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, index));
}

Recorder make_recorder() {
  return [pool = std::make_shared<GraphPool>()](const std::function<void()>& work) {
    return pool->record(work);
  };
}

}  // namespace
}  // namespace trainer

extern "C" const trainer::CudaGraphs* mpisweep_cuda_graphs() {
  static const trainer::CudaGraphs graphs = {.open = trainer::open,
                                             .make_recorder = trainer::make_recorder};
  return &graphs;
}
