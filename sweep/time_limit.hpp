#pragma once

#include <functional>
#include <optional>
#include <string>

/// When a run has to be over. Plain functions: no clock, no Slurm.
namespace sweep {

/// What the command line says of it.
struct TimeOptions {
  std::optional<double> limit_s = {};  ///< from the start of the command
  std::optional<double> end_s = {};    ///< Unix time; 0: never
};

/// Seconds of a time as Slurm writes it: minutes, minutes:seconds, hours:minutes:seconds,
/// days-hours, days-hours:minutes or days-hours:minutes:seconds. Nothing for any other text.
std::optional<double> parse_time(const std::string& text);

/// The end of the job in Unix time, the earliest of those that are known; nothing if there is none.
/// `end_of_allocation` is asked only where the command line names no end.
std::optional<double> end_of_job(const TimeOptions& options, double now_s,
                                 const std::function<std::optional<double>()>& end_of_allocation);

}  // namespace sweep
