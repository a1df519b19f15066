#include "sweep/name_list.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace sweep {
namespace {

/// "n07" is n and 07.
struct Name {
  std::string stem = {};
  std::string digits = {};
  long number = -1;  ///< -1: it does not end in one
  bool operator==(const Name&) const = default;
};

Name parse(const std::string& text) {
  constexpr std::size_t kMostDigits = 9;
  auto begin = text.find_last_not_of("0123456789");
  begin = begin == std::string::npos ? 0 : begin + 1;
  Name name = {.stem = text};
  if (begin == text.size() || text.size() - begin > kMostDigits) return name;
  name.stem.resize(begin);
  name.digits = text.substr(begin);
  std::from_chars(name.digits.data(), name.digits.data() + name.digits.size(), name.number);
  return name;
}

/// Consecutive names of one stem and one width.
struct Range {
  Name first = {};
  Name last = {};

  std::size_t size() const { return static_cast<std::size_t>(last.number - first.number) + 1; }
  std::string text() const {
    return first.digits == last.digits ? first.digits : first.digits + "-" + last.digits;
  }
};

bool continues(const Range& range, const Name& name) {
  const auto& last = range.last;
  if (name.number < 0 || last.number < 0 || name.stem != last.stem) return false;
  const bool is_padded = name.digits[0] == '0' || last.digits[0] == '0';
  const bool has_its_width = name.digits.size() == last.digits.size() || !is_padded;
  return name.number == last.number + 1 && has_its_width;
}

std::vector<Range> ranges_of(const std::vector<std::string>& texts) {
  std::vector<Name> names(texts.size());
  std::ranges::transform(texts, names.begin(), parse);
  std::ranges::sort(
      names, {}, [](const Name& name) { return std::tuple(name.stem, name.number, name.digits); });
  const auto last = std::unique(names.begin(), names.end());
  names.erase(last, names.end());
  std::vector<Range> ranges;
  for (const auto& name : names) {
    if (!ranges.empty() && continues(ranges.back(), name)) {
      ranges.back().last = name;
    } else {
      ranges.push_back({.first = name, .last = name});
    }
  }
  return ranges;
}

/// The ranges of one stem together: "n[1-2,5]".
std::string describe(const std::vector<Range>& ranges) {
  const auto& first = ranges.front();
  const bool is_plain = ranges.size() == 1 && first.size() == 1;
  if (is_plain) return first.first.stem + first.first.digits;
  std::vector<std::string> texts(ranges.size());
  std::ranges::transform(ranges, texts.begin(), &Range::text);
  const auto list = fmt::format("{}", fmt::join(texts, ","));
  const auto& stem = first.first.stem;
  return stem.empty() ? list : fmt::format("{}[{}]", stem, list);
}

}  // namespace

std::string to_name_list(std::vector<std::string> names, std::size_t longest) {
  const auto ranges = ranges_of(names);
  std::vector<std::string> parts;
  std::vector<Range> group;  // of one stem
  std::size_t length = 0;
  std::size_t num_left = 0;
  for (const auto& range : ranges) {
    if (length > longest) {
      num_left += range.size();
      continue;
    }
    const bool is_alone = range.first.number < 0;
    const bool is_of_group = !group.empty() && group.back().first.number >= 0 && !is_alone &&
                             group.back().first.stem == range.first.stem;
    if (!group.empty() && !is_of_group) parts.push_back(describe(std::exchange(group, {})));
    group.push_back(range);
    length += range.text().size() + 1 + (is_of_group ? 0 : range.first.stem.size());
  }
  if (!group.empty()) parts.push_back(describe(group));
  const auto list = fmt::format("{}", fmt::join(parts, ","));
  return num_left == 0 ? list : fmt::format("{} and {} more", list, num_left);
}

}  // namespace sweep
