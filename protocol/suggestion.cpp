#include "protocol/suggestion.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace protocol {
namespace {

/// Levenshtein's distance: insertions, deletions and replacements of single bytes.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> closest_name(std::string_view misspelt,
                                        std::span<const std::string> known) {
  if (misspelt.size() > 100) return std::nullopt;
  std::optional<std::string> closest;
  std::size_t smallest = 0;
  for (const auto& name : known) {
    const auto distance = edit_distance(misspelt, name);
    if (distance > std::max<std::size_t>(2, name.size() / 3) || distance >= name.size()) continue;
    if (closest && distance >= smallest) continue;
    closest = name;
    smallest = distance;
  }
  return closest;
}

std::string suggest_name(std::string_view misspelt, std::span<const std::string> known) {
  if (const auto name = closest_name(misspelt, known)) return "did you mean '" + *name + "'?";
  std::string list;
  for (const auto& name : known)
    list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? "none is known here" : "known are " + list;
}

}  // namespace protocol
