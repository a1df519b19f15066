#pragma once

#include <stdexcept>
#include <string>

#include "trainer/batch_work.hpp"

namespace trainer {

/// A device that was asked for cannot be used.
class DeviceError : public std::runtime_error {
 public:
  DeviceError(const std::string& error, std::string hint)
      : std::runtime_error(error), hint_(std::move(hint)) {}
  const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

/// Makes a device ready for tensors and sets how many threads work for it on the CPU.
/// `device` is "cpu" or "cuda:<index>".  Throws: DeviceError.
void open_device(const std::string& device, int threads);

/// Setting it to 0 keeps make_recorder() from recording anything.
inline constexpr const char* kGraphsVariable = "MPISWEEP_CUDA_GRAPHS";

/// Records work for an open device, for one pack; none for a CPU, which is told of work at no cost.
/// None either for a GPU where CUDA graphs are not to be had, of which standard error tells once.
Recorder make_recorder(const std::string& device);

/// What the hardware calls itself: "AMD EPYC 7763 64-Core Processor", "NVIDIA H100 80GB HBM3".
std::string hardware_name(const std::string& device);

/// Bytes of memory of a GPU.
double total_memory_bytes(const std::string& device);

/// "libtorch 2.11.0", and what else decides how it rounds.
std::string library_version();

}  // namespace trainer
