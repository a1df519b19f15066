#include "sweep/slurm/kill_wait.hpp"

#include <sstream>

#include "sweep/slurm/programs.hpp"

namespace sweep {
namespace {

std::optional<double> ask_scontrol() {
  if (environment_variable("SLURM_JOB_ID").empty()) return std::nullopt;
  const auto config = ask_slurm({"scontrol", "show", "config"});
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
