#pragma once

namespace sweep {

/// What a command's exit code means; part of the contract with scripts.
enum class ExitCode {
  success = 0,        ///< every trial finished; diverged ones are results too
  sweep_failed = 1,   ///< the sweep could not go on
  bad_input = 2,      ///< bad command line or config; nothing was started
  trials_failed = 3,  ///< done, and some trials failed
  folder_busy = 4,    ///< another run uses the output folder
  interrupted = 130,  ///< stopped by SIGINT after saving
  terminated = 143,   ///< stopped after saving, by SIGTERM or ahead of the end of the job
};

/// Under a supervisor a rank says sweep_failed by this: launchers end with 1 when they die.
inline constexpr int kSupervisedFailure = 71;

constexpr int to_int(ExitCode code) {
  return static_cast<int>(code);
}

}  // namespace sweep
