#pragma once

#include <string>

namespace sweep {

enum class DeviceChoice { automatic, cpu, cuda };

/// GPUs that this process may use: the entries of CUDA_VISIBLE_DEVICES if it is set (Slurm does),
/// else the NVIDIA devices of the machine. No driver is asked.
int count_visible_gpus();

/// Cores that this process may use, at least 1.
int count_usable_cores();

/// The device of a rank: "cuda:<local rank modulo GPUs>", or "cpu" where there is no GPU or none is
/// wanted. Throws: std::invalid_argument if `cuda` is wanted and there is no GPU.
std::string map_rank_to_device(DeviceChoice choice, int local_rank, int num_gpus);

}  // namespace sweep
