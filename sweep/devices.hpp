#pragma once

#include <string>
#include <vector>

namespace sweep {

enum class DeviceChoice { automatic, cpu, cuda };

/// GPUs that this process may use, in CUDA's order: the entries of CUDA_VISIBLE_DEVICES if it is
/// set (Slurm does), else the numbers of the NVIDIA devices of the machine. No driver is asked.
std::vector<std::string> visible_gpus();

int count_visible_gpus();

/// What people call these GPUs: where Slurm has fenced off the others and counts from 0 again, the
/// numbers that they have on the node; else what CUDA_VISIBLE_DEVICES says.
std::vector<std::string> names_of_gpus(std::vector<std::string> visible);

/// Cores that this process may use, at least 1.
int count_usable_cores();

/// The device of a rank: "cuda:<local rank modulo GPUs>", or "cpu" where there is no GPU or none is
/// wanted. Throws: std::invalid_argument if `cuda` is wanted and there is no GPU.
std::string map_rank_to_device(DeviceChoice choice, int local_rank, int num_gpus);

}  // namespace sweep
