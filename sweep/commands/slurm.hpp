#pragma once

#include "sweep/session.hpp"
#include "sweep/slurm/settings.hpp"

namespace sweep {

struct SlurmOptions {
  SessionOptions session = {};
  SlurmSettings wishes = {};  ///< of the command line
  bool submits = false;
};

/// `mpisweep slurm`: writes the script of a Slurm job that runs the sweep, job.sh in the output
/// folder, and tells how to submit it, or submits it.
int slurm_command(const SlurmOptions& options);

}  // namespace sweep
