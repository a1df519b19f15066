#pragma once

#include <chrono>
#include <string>

namespace sweep {

/// The time in UTC to the second: "2026-01-31T14:02:11Z".
std::string utc_now();

/// Unix time.
double unix_now_s();

/// Unix time in UTC to the second, as utc_now() writes it.
std::string utc_text(double unix_s);

double seconds_since(std::chrono::steady_clock::time_point begin);

/// This machine's name.
std::string host_name();

/// This node's name as Slurm has it, else the machine's.
std::string node_name();

/// Seconds as people read them: "8.6 s", "1:20", "3:07:12".
std::string format_duration(double seconds);

}  // namespace sweep
