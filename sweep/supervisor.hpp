#pragma once

#include <string>
#include <vector>

#include "sweep/exit_code.hpp"

namespace sweep {

/// Runs this program again, as `num_ranks` ranks under mpirun, and waits for it. Passes INT, TERM
/// and USR1 on as USR1, so that rank 0 can save; a second one, or `grace_s` seconds, end everything
/// at once. mpirun dies with us. Returns the job's exit code, or sweep_failed with a message if it
/// died. Throws: std::system_error if no process can be made.
int run_under_mpirun(const std::vector<std::string>& arguments, int num_ranks, double grace_s);

/// Whether rank 0's messages end up on a terminal, mpirun's pipes aside.
bool has_terminal();

}  // namespace sweep
