#pragma once

#include <optional>
#include <string>

#include "protocol/messages.hpp"

namespace protocol {

/// A result as a line of JSON. There may be millions of them: this makes no tree.
std::string to_text(const Result& result);

/// A result in the form in which to_text() writes it; nothing for any other line, which may yet be
/// a result: parse_message() tells.
std::optional<Result> scan_result(const std::string& line);

}  // namespace protocol
