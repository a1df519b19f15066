#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace sweep {

/// Whether people see what a program says on its standard error.
enum class Errors { hidden, shown };

/// What a program prints on its standard output, up to a megabyte of it; nothing if it cannot be
/// started, fails, or has not ended within the patience, after which it is killed.
/// Throws: std::system_error if no process can be made.
std::optional<std::string> output_of(const std::vector<std::string>& command,
                                     std::chrono::milliseconds patience,
                                     Errors errors = Errors::hidden);

}  // namespace sweep
