#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sweep/command_output.hpp"

/// How to ask Slurm: its programs, which may be missing or silent, and its variables.
namespace sweep {

/// What a program of Slurm's prints; nothing if it fails or takes more than ten seconds.
/// Throws: std::system_error if no process can be made.
std::optional<std::string> ask_slurm(const std::vector<std::string>& command,
                                     Errors errors = Errors::hidden);

/// A variable of the environment; empty if it is not set.
std::string environment_variable(const char* name);

}  // namespace sweep
