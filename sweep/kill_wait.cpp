#include "sweep/kill_wait.hpp"

#include <chrono>
#include <cstdlib>
#include <sstream>

#include "sweep/command_output.hpp"

namespace sweep {
namespace {

std::optional<double> ask_scontrol() {
  if (std::getenv("SLURM_JOB_ID") == nullptr) return std::nullopt;
  const auto config = output_of({"scontrol", "show", "config"}, std::chrono::seconds(10));
  return config ? parse_kill_wait_s(*config) : std::nullopt;
}

}  // namespace

std::optional<double> slurm_kill_wait_s() {
  static const auto answer = ask_scontrol();
  return answer;
}

std::optional<double> parse_kill_wait_s(const std::string& config) {
  std::istringstream lines(config);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key;
    std::string sign;
    double seconds = 0;
    if (words >> key >> sign >> seconds && key == "KillWait" && sign == "=" && seconds > 0) {
      return seconds;
    }
  }
  return std::nullopt;
}

}  // namespace sweep
