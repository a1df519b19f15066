#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace protocol {

/// The known name that a misspelt one was probably meant to be: the closest by edit distance, if
/// no more than a third of its letters differ (at least two may).
std::optional<std::string> closest_name(std::string_view misspelt,
                                        std::span<const std::string> known);

/// "did you mean 'learning_rate'?", or "known are a, b, c" where no name comes close.
std::string suggest_name(std::string_view misspelt, std::span<const std::string> known);

}  // namespace protocol
