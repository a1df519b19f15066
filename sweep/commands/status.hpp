#pragma once

#include <filesystem>

namespace sweep {

struct StatusOptions {
  std::filesystem::path folder = {};
  bool as_json = false;
};

/// `mpisweep status`: how far a sweep is. Reads files only, from any node.
int status_command(const StatusOptions& options);

}  // namespace sweep
