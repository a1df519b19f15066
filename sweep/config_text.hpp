#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

/// The small language inside a config's scalars: types, ranges and ${NAME}.
namespace sweep {

/// What a plain scalar means: null, bool, int64, double (YAML 1.2 core schema) or else the text.
/// Numbers that are not finite, or integers beyond 64 bits, stay text.
nlohmann::json parse_scalar(const std::string& text);

/// An integer range "0..4", both ends included.
struct IntegerRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// Nothing if the text is not of the form <integer>..<integer>.
std::optional<IntegerRange> parse_range(const std::string& text);

/// Replaces ${NAME} and ${NAME:-default} by environment variables.
/// Throws: std::invalid_argument naming a variable that is unset and has no default.
std::string expand_environment(const std::string& text);

}  // namespace sweep
