#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "sweep/exit_code.hpp"

namespace sweep {

struct SupervisorOptions {
  int num_ranks = 1;
  std::string hosts = {};      ///< "n1:4,n2:2", for Open MPI; empty: mpirun knows
  double grace_s = 20;         ///< from a signal to the end, > 0
  int restarts = 3;            ///< of a job that died, in a row without progress between
  double restart_pause_s = 1;  ///< before the first of them; doubles with each

  /// Counts what is finished; more than at the last death is progress.
  std::function<std::size_t()> count_finished = {};
};

/// Runs this program again, as ranks under mpirun, and waits for it. Starts it again when it dies.
/// Passes INT, TERM and USR1 on as USR1, so that rank 0 can save; a second one, or the end of the
/// grace period, ends everything at once. mpirun dies with us. Returns the job's exit code, or
/// sweep_failed with a message if it died for good.
/// Throws: std::system_error if no process can be made.
int run_under_mpirun(const std::vector<std::string>& arguments, const SupervisorOptions& options);

/// Whether rank 0's messages end up on a terminal, mpirun's pipes aside.
bool has_terminal();

}  // namespace sweep
