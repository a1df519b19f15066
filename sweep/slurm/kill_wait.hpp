#pragma once

#include <optional>
#include <string>

namespace sweep {

/// Seconds from Slurm's SIGTERM to its SIGKILL, which every job on this cluster has to end in.
/// Nothing outside of a job, or if `scontrol` does not answer within ten seconds. It is asked once.
/// Throws: std::system_error if no process can be made.
std::optional<double> slurm_kill_wait_s();

/// The same from what `scontrol show config` prints: "KillWait                = 30 sec".
std::optional<double> parse_kill_wait_s(const std::string& config);

}  // namespace sweep
