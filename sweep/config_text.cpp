#include "sweep/config_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

namespace sweep {
namespace {

bool is_any_of(const std::string& text, const std::array<const char*, 3>& spellings) {
  return std::ranges::find(spellings, text) != spellings.end();
}

template <class Number>
std::optional<Number> parse_whole(const std::string& text) {
  Number value = 0;
  const auto* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc() || stop != end || begin == end) return std::nullopt;
  return value;
}

/// from_chars also takes "inf" and "nan", which are words to us.
bool may_be_number(const std::string& text) {
  return text.find_first_not_of("0123456789+-.eE") == std::string::npos &&
         text.find_first_of("0123456789") != std::string::npos;
}

/// `reference` is what stands between the braces: NAME or NAME:-default.
std::string value_of_variable(const std::string& reference) {
  const auto separator = reference.find(":-");
  const auto name = reference.substr(0, separator);
  const char* value = std::getenv(name.c_str());
  if (separator == std::string::npos) {
    if (value == nullptr) throw std::invalid_argument(name);
    return value;
  }
  return value == nullptr || *value == '\0' ? reference.substr(separator + 2) : value;
}

}  // namespace

nlohmann::json parse_scalar(const std::string& text) {
  if (text.empty() || text == "~" || is_any_of(text, {"null", "Null", "NULL"})) return nullptr;
  if (is_any_of(text, {"true", "True", "TRUE"})) return true;
  if (is_any_of(text, {"false", "False", "FALSE"})) return false;
  if (!may_be_number(text)) return text;
  if (const auto integer = parse_whole<std::int64_t>(text)) return *integer;
  const bool is_integer = text.find_first_of(".eE") == std::string::npos;
  const auto number = is_integer ? std::nullopt : parse_whole<double>(text);
  if (number && std::isfinite(*number)) return *number;
  return text;
}

std::optional<IntegerRange> parse_range(const std::string& text) {
  const auto dots = text.find("..");
  if (dots == std::string::npos) return std::nullopt;
  const auto first = parse_whole<std::int64_t>(text.substr(0, dots));
  const auto last = parse_whole<std::int64_t>(text.substr(dots + 2));
  if (!first || !last) return std::nullopt;
  return IntegerRange{.first = *first, .last = *last};
}

std::string expand_environment(const std::string& text) {
  std::string expanded;
  std::size_t position = 0;
  while (true) {
    const auto open = text.find("${", position);
    const auto close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) return expanded + text.substr(position);
    expanded += text.substr(position, open - position);
    expanded += value_of_variable(text.substr(open + 2, close - open - 2));
    position = close + 1;
  }
}

}  // namespace sweep
