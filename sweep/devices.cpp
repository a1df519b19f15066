#include "sweep/devices.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <sched.h>

namespace sweep {
namespace {

/// "0,1,GPU-7f" has three entries; CUDA ignores everything from an entry of -1 on.
std::vector<std::string> entries_of(const std::string& list) {
  std::vector<std::string> entries;
  for (std::size_t begin = 0; begin < list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    auto entry = list.substr(begin, end - begin);
    if (entry.empty() || entry == "-1" || entry == "NoDevFiles") break;
    entries.push_back(std::move(entry));
    begin = end + 1;
  }
  return entries;
}

/// "0", "1", "2" ...
std::vector<std::string> numbers_up_to(std::size_t count) {
  std::vector<std::string> numbers(count);
  for (std::size_t i = 0; i < count; ++i)
    numbers[i] = std::to_string(i);
  return numbers;
}

bool is_gpu_file(const std::filesystem::path& path) {
  const auto name = path.filename().string();
  return name.starts_with("nvidia") && name.size() > 6 &&
         std::all_of(name.begin() + 6, name.end(),
                     [](unsigned char letter) { return std::isdigit(letter) != 0; });
}

}  // namespace

std::vector<std::string> visible_gpus() {
  if (const char* list = std::getenv("CUDA_VISIBLE_DEVICES")) return entries_of(list);
  std::error_code error;
  const std::filesystem::directory_iterator files("/dev", error);
  if (error) return {};
  return numbers_up_to(static_cast<std::size_t>(
      std::count_if(begin(files), end(files), [](const auto& file) { return is_gpu_file(file); })));
}

int count_visible_gpus() {
  return static_cast<int>(visible_gpus().size());
}

std::vector<std::string> names_of_gpus(std::vector<std::string> visible) {
  if (visible != numbers_up_to(visible.size())) return visible;
  for (const char* name : {"SLURM_STEP_GPUS", "SLURM_JOB_GPUS"}) {
    const char* list = std::getenv(name);
    if (list == nullptr) continue;
    auto names = entries_of(list);
    return names.size() == visible.size() ? names : visible;
  }
  return visible;
}

int count_usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

std::string map_rank_to_device(DeviceChoice choice, int local_rank, int num_gpus) {
  if (choice == DeviceChoice::cpu) return "cpu";
  if (num_gpus > 0) return "cuda:" + std::to_string(local_rank % num_gpus);
  if (choice == DeviceChoice::automatic) return "cpu";
  throw std::invalid_argument("no GPU is visible here, but --device cuda asks for one");
}

}  // namespace sweep
