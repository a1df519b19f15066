#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "sweep/exit_code.hpp"
#include "sweep/launcher.hpp"

namespace sweep {

struct SupervisorOptions {
  /// Tells, before each start, the command that launches the ranks; the first word is the launcher.
  std::function<std::vector<std::string>()> command = {};

  Launcher launcher = Launcher::mpirun;  ///< that it begins with
  double grace_s = 20;                   ///< from a signal to the end, > 0
  int restarts = 3;                      ///< of a job that died, in a row without progress between
  double restart_pause_s = 1;            ///< before the first of them; doubles with each

  std::filesystem::path folder = {};  ///< of the results, which tell whether there was progress
};

/// How the supervised ranks ended.
struct SupervisedEnd {
  int exit_code = 0;
  bool has_died = false;  ///< for good: they were started again as often as they may be
};

/// Launches this program again, as ranks, and waits for it. Starts it again when it dies. Passes
/// INT, TERM and USR1 on as USR1, so that rank 0 can save; a second one, or the end of the grace
/// period, ends everything at once. The launcher dies with us. What died for good is sweep_failed,
/// with a message.
/// A `command` that throws is a death. Throws: std::system_error if no process can be made.
SupervisedEnd supervise(const SupervisorOptions& options);

/// Whether rank 0's messages end up on a terminal, mpirun's pipes aside.
bool has_terminal();

}  // namespace sweep
