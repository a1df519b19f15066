#pragma once

#include <stdexcept>
#include <string>

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

/// What the hardware calls itself: "AMD EPYC 7763 64-Core Processor", "NVIDIA H100 80GB HBM3".
std::string hardware_name(const std::string& device);

/// Bytes of memory of a GPU.
double total_memory_bytes(const std::string& device);

/// "libtorch 2.11.0", and what else decides how it rounds.
std::string library_version();

}  // namespace trainer
