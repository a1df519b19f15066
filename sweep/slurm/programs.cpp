#include "sweep/slurm/programs.hpp"

#include <chrono>
#include <cstdlib>

namespace sweep {

std::optional<std::string> ask_slurm(const std::vector<std::string>& command, Errors errors) {
  constexpr std::chrono::seconds kPatience{10};
  return output_of(command, kPatience, errors);
}

std::string environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace sweep
