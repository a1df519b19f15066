#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "trainer/settings.hpp"

/// A registry is a list of kinds (models, optimisers, data sets), each with the Choice by which
/// settings name it.
namespace trainer {

/// Throws: std::invalid_argument if there is no kind of that name.
template <class Kind>
const Kind& find_kind(const std::vector<Kind>& kinds, const std::string& name) {
  for (const auto& kind : kinds)
    if (kind.choice.name == name) return kind;
  throw std::invalid_argument("nothing is registered under the name '" + name + "'");
}

template <class Kind>
std::vector<Choice> choices_of(const std::vector<Kind>& kinds) {
  std::vector<Choice> choices;
  choices.reserve(kinds.size());
  for (const auto& kind : kinds)
    choices.push_back(kind.choice);
  return choices;
}

}  // namespace trainer
