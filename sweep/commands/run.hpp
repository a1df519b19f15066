#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sweep/session.hpp"

namespace sweep {

struct RunOptions {
  SessionOptions session = {};
  std::optional<int> ranks = {};            ///< absent: one per GPU or core
  std::vector<std::string> arguments = {};  ///< as typed, to start ourselves again under mpirun
};

/// `mpisweep run`: trains what is missing. Started by a launcher it is one rank of the sweep;
/// otherwise it checks the config and starts itself under mpirun.
int run_command(const RunOptions& options);

}  // namespace sweep
