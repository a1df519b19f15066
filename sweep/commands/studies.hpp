#pragma once

#include <string>
#include <vector>

namespace sweep {

struct StudiesOptions {
  std::string name = {};                  ///< empty: all
  std::vector<std::string> trainer = {};  ///< empty: the built-in one
  bool as_json = false;
};

/// `mpisweep studies`: what the trainer declares: studies, their settings and variables.
int studies_command(const StudiesOptions& options);

}  // namespace sweep
