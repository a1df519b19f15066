#include "sweep/devices.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <sched.h>

namespace sweep {
namespace {

/// "0,1,GPU-7f" has three entries; CUDA ignores everything from an entry of -1 on.
int count_entries(const std::string& list) {
  int count = 0;
  for (std::size_t begin = 0; begin < list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    const auto entry = list.substr(begin, end - begin);
    if (entry.empty() || entry == "-1" || entry == "NoDevFiles") break;
    ++count;
    begin = end + 1;
  }
  return count;
}

bool is_gpu_file(const std::filesystem::path& path) {
  const auto name = path.filename().string();
  return name.starts_with("nvidia") && name.size() > 6 &&
         std::all_of(name.begin() + 6, name.end(),
                     [](unsigned char letter) { return std::isdigit(letter) != 0; });
}

}  // namespace

int count_visible_gpus() {
  if (const char* list = std::getenv("CUDA_VISIBLE_DEVICES")) return count_entries(list);
  std::error_code error;
  const std::filesystem::directory_iterator files("/dev", error);
  if (error) return 0;
  return static_cast<int>(
      std::count_if(begin(files), end(files), [](const auto& file) { return is_gpu_file(file); }));
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
