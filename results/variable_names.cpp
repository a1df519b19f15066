#include "results/variable_names.hpp"

#include <algorithm>

namespace results {
namespace {

constexpr std::size_t kMostBytes = 256;  // NC_MAX_NAME

/// ASCII alone: every byte of a longer UTF-8 character is welcome.
bool is_control(char character) {
  return (character >= 0 && character < ' ') || character == '\x7f';
}

bool may_begin_name(char character) {
  const bool is_letter =
      (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
  const bool is_digit = character >= '0' && character <= '9';
  return is_letter || is_digit || character == '_' || character < 0;
}

}  // namespace

const std::set<std::string>& reserved_names() {
  static const std::set<std::string> names = {"trial",     "status", "error",  "attempts",
                                              "elapsed_s", "rank",   "device", "workers"};
  return names;
}

std::string flaw_of_name(const std::string& name) {
  if (name.empty()) return "is empty";
  if (name.size() > kMostBytes) return "is longer than " + std::to_string(kMostBytes) + " bytes";
  if (name.find('/') != std::string::npos) return "has a '/'";
  if (std::ranges::any_of(name, is_control)) return "has a control character";
  if (!may_begin_name(name.front())) return "begins with neither a letter, a digit nor '_'";
  return name.back() == ' ' ? "ends with a space" : "";
}

}  // namespace results
