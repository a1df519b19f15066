#include "trainer/device.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string_view>

#include <dlfcn.h>

#include "trainer/cuda/graphs.hpp"
#include "trainer/process.hpp"
#include "trainer/torch.hpp"

namespace trainer {
namespace {

/// libtorch_cuda registers its operators when it is loaded, which must be before the first tensor.
void load_cuda() {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr) return;
  throw DeviceError(std::string("cannot load the CUDA part of LibTorch (") + dlerror() + ")",
                    "install it with ./dev setup --cuda, or train with --device cpu");
}

/// nullptr, and why on standard error, if it cannot be loaded.
const CudaGraphs* load_cuda_graphs() {
  if (auto* library = dlopen(kCudaLibrary, RTLD_NOW)) {
    if (auto* function = dlsym(library, kGetCudaGraphs))
      return reinterpret_cast<GetCudaGraphs>(function)();
  }
  std::cerr << "mpisweep-trainer: without CUDA graphs (" << dlerror() << "), training is slower\n";
  return nullptr;
}

/// nullptr where they are not to be used.
const CudaGraphs* cuda_graphs() {
  const char* choice = std::getenv(kGraphsVariable);
  if (choice != nullptr && std::string_view(choice) == "0") return nullptr;
  static const CudaGraphs* const graphs = load_cuda_graphs();
  return graphs;
}

void open_cuda(const std::string& name) {
  load_cuda();
  const auto num_gpus = at::detail::getCUDAHooks().getNumGPUs();
  const auto index = torch::Device(name).index();
  if (index >= 0 && index < num_gpus) {
    if (const auto* graphs = cuda_graphs()) graphs->open(index);
    at::globalContext().setAllowBF16ReductionCuBLAS(false);  // sums stay float32
    return;
  }
  throw DeviceError("no device " + name + " (" + std::to_string(num_gpus) + " GPUs are visible)",
                    "check nvidia-smi and CUDA_VISIBLE_DEVICES, or train with --device cpu");
}

torch::Device parse_device(const std::string& name) {
  try {
    torch::Device device(name);
    if (device.is_cpu() || (device.is_cuda() && device.has_index())) return device;
  } catch (const c10::Error&) {  // falls through to the same complaint
  }
  throw DeviceError("unknown device '" + name + "'", "known are cpu and cuda:<index>");
}

/// The CUDA driver itself, since LibTorch's CUDA headers want a CUDA toolkit.
class CudaDriver {
 public:
  explicit CudaDriver(const std::string& device) {
    if (call<int (*)(unsigned)>("cuInit", 0U) != 0) return;
    call<int (*)(int*, int)>("cuDeviceGet", &handle_, int{torch::Device(device).index()});
  }

  std::string name() const {
    std::array<char, 256> text = {"CUDA device"};
    call<int (*)(char*, int, int)>("cuDeviceGetName", text.data(), int{text.size()}, handle_);
    return text.data();
  }

  double memory_bytes() const {
    std::size_t bytes = 0;
    call<int (*)(std::size_t*, int)>("cuDeviceTotalMem_v2", &bytes, handle_);
    return static_cast<double>(bytes);
  }

 private:
  template <class Function, class... Args>
  int call(const char* function, Args... args) const {
    auto* address = library_ == nullptr ? nullptr : dlsym(library_, function);
    return address == nullptr ? -1 : reinterpret_cast<Function>(address)(args...);
  }

  void* library_ = dlopen("libcuda.so.1", RTLD_NOW);  // stays loaded: LibTorch uses it too
  int handle_ = 0;
};

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "cpu";
}

}  // namespace

void open_device(const std::string& device, int threads) {
  if (parse_device(device).is_cuda()) open_cuda(device);
  at::set_num_threads(threads);
  if (at::get_num_interop_threads() != 1) at::set_num_interop_threads(1);  // allowed once
}

Recorder make_recorder(const std::string& device) {
  const auto* graphs = parse_device(device).is_cuda() ? cuda_graphs() : nullptr;
  return graphs == nullptr ? Recorder() : graphs->make_recorder();
}

std::string hardware_name(const std::string& device) {
  return parse_device(device).is_cuda() ? CudaDriver(device).name() : processor_name();
}

double total_memory_bytes(const std::string& device) {
  return CudaDriver(device).memory_bytes();
}

std::string library_version() {
  const std::string version = "libtorch " TORCH_VERSION;
  return has_mkl_by_features() ? version + ", MKL by processor features" : version;
}

}  // namespace trainer
