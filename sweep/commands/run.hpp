#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sweep/launcher.hpp"
#include "sweep/session.hpp"

namespace sweep {

/// With which we launch ourselves as ranks. It comes behind all that was typed.
inline constexpr std::string_view kSupervisedOption = "--supervised";

struct RunOptions {
  SessionOptions session = {};
  std::optional<int> ranks = {};            ///< absent: one per GPU or core
  Launcher launcher = Launcher::mpirun;     ///< of the ranks, unless something launched us
  bool is_supervised = false;               ///< launched by ourselves
  std::filesystem::path own_trainer = {};   ///< where it is started ahead; empty: it is not
  bool requeues = false;                    ///< our Slurm job while trials are missing
  std::vector<std::string> arguments = {};  ///< as typed, to launch ourselves as ranks
};

/// `mpisweep run`: trains what is missing. Started by a launcher it is one rank of the sweep;
/// otherwise it checks the config and launches itself as ranks.
int run_command(const RunOptions& options);

}  // namespace sweep
