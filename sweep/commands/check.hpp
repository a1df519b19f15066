#pragma once

#include <filesystem>

namespace sweep {

struct CheckOptions {
  std::filesystem::path folder = {};
  bool should_repair = false;
  bool as_json = false;
};

/// `mpisweep check`: what is wrong with an output folder, and its repair. Answers sweep_failed as
/// long as something is wrong, folder_busy if a run holds a folder that is to be repaired.
int check_command(const CheckOptions& options);

}  // namespace sweep
