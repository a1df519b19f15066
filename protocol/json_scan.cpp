#include "protocol/json_scan.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace protocol {
namespace {

using nlohmann::json;

constexpr int kDeepest = 32;  // lists inside lists, as in HDF5

/// Letters that stand for themselves between quotes.
bool is_plain(char letter) {
  return letter >= ' ' && letter < '\x7f' && letter != '"' && letter != '\\';
}

bool begins_with_digit(std::string_view text) {
  return !text.empty() && text.front() >= '0' && text.front() <= '9';
}

/// Refuses what from_chars() takes and JSON does not: 01, .5, 1.
bool may_be_json(std::string_view token) {
  const auto digits = token.substr(token.starts_with('-') ? 1 : 0);
  if (!begins_with_digit(digits)) return false;
  if (digits.front() == '0' && begins_with_digit(digits.substr(1))) return false;
  const auto point = digits.find('.');
  return point == std::string_view::npos || begins_with_digit(digits.substr(point + 1));
}

template <class Number>
Number to_number(std::string_view token) {
  Number number = 0;
  const auto* end = token.data() + token.size();
  const auto [stop, error] = std::from_chars(token.data(), end, number);
  if (stop != end || error != std::errc()) throw OtherForm();
  return number;
}

template <class Number>
void append_digits(std::string& text, Number number) {
  std::array<char, 32> digits = {};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  text.append(digits.data(), end);
}

}  // namespace

bool JsonScan::skip_if(std::string_view wanted) {
  const bool is_there = rest_.starts_with(wanted);
  if (is_there) rest_.remove_prefix(wanted.size());
  return is_there;
}

void JsonScan::skip(std::string_view wanted) {
  if (!skip_if(wanted)) throw OtherForm();
}

void JsonScan::end() const {
  if (!rest_.empty()) throw OtherForm();
}

std::string_view JsonScan::text() {
  skip("\"");
  const auto length =
      static_cast<std::size_t>(std::ranges::find_if_not(rest_, is_plain) - rest_.begin());
  const auto text = rest_.substr(0, length);
  rest_.remove_prefix(length);
  skip("\"");
  return text;
}

template <class Number>
Number JsonScan::number_as() {
  return to_number<Number>(take_number());
}

template int JsonScan::number_as();
template std::int64_t JsonScan::number_as();
template double JsonScan::number_as();

json JsonScan::numbers_by_name() {
  auto values = json::object();
  skip("{");
  if (skip_if("}")) return values;
  do {
    auto& named = values[std::string(text())];
    skip(":");
    named = value(0);
  } while (skip_if(","));
  skip("}");
  return values;
}

json JsonScan::value(int depth) {
  if (skip_if("null")) return nullptr;
  if (!skip_if("[")) return number();
  if (depth == kDeepest) throw OtherForm();
  auto list = json::array();
  if (skip_if("]")) return list;
  do {
    list.push_back(value(depth + 1));
  } while (skip_if(","));
  skip("]");
  return list;
}

json JsonScan::number() {
  const auto token = take_number();
  if (token.find_first_of(".eE") != std::string_view::npos) return to_number<double>(token);
  if (token.front() == '-') return to_number<std::int64_t>(token);
  return to_number<std::uint64_t>(token);
}

std::string_view JsonScan::take_number() {
  const auto length = std::min(rest_.find_first_not_of("0123456789+-.eE"), rest_.size());
  const auto token = rest_.substr(0, length);
  if (!may_be_json(token)) throw OtherForm();
  rest_.remove_prefix(length);
  return token;
}

void append_text(std::string& json, const std::string& text) {
  if (std::ranges::all_of(text, is_plain)) {
    json.append("\"").append(text).append("\"");
  } else {
    append_json(json, text);
  }
}

/// As the JSON library does, a whole number keeps a sign that it is no integer.
void append_number(std::string& json, double number) {
  if (!std::isfinite(number)) {
    json += "null";
    return;
  }
  const auto begin = json.size();
  append_digits(json, number);
  if (json.find_first_of(".e", begin) == std::string::npos) json += ".0";
}

void append_number(std::string& json, std::int64_t number) {
  append_digits(json, number);
}

void append_json(std::string& json, const nlohmann::json& value) {
  json += value.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false,
                     nlohmann::json::error_handler_t::replace);
}

}  // namespace protocol
