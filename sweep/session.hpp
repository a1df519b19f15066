#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "results/sweep_results.hpp"
#include "sweep/exit_code.hpp"
#include "sweep/plan.hpp"
#include "sweep/prepare.hpp"
#include "sweep/run_folder.hpp"
#include "sweep/time_limit.hpp"

namespace sweep {

class Communicator;

struct SessionOptions {
  SweepChoice choice = {};
  std::filesystem::path trainer_log = {};  ///< for the trainers' output; empty: log.txt
  bool retry_failed = false;               ///< also repeats trials that failed with an exception
  TakeOver take_over = TakeOver::when_silent;
  IfBusy if_busy = IfBusy::refuse;
  TimeOptions time = {};
  std::string command_line = {};  ///< for the records
};

/// One `mpisweep run` on rank 0, from config to results: trains what is missing, records it and
/// tells people. Stops by itself before the job ends, and at once when there is no time for any
/// pack. Bad input, a busy folder and a stop are answered by the exit code, with the other
/// ranks sent home. `ahead` is a trainer that nobody has greeted, or null. MPI: rank 0 only, while
/// the others are in serve_coordinator(). Throws: whatever the sweep cannot survive; the caller
/// aborts all ranks.
ExitCode run_session(const SessionOptions& options, Communicator& world,
                     std::unique_ptr<TrainerProcess> ahead);

}  // namespace sweep
