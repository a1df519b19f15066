#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "sweep/config_node.hpp"

/// YAML text to a tree with places. This pair is the one door to yaml-cpp.
namespace sweep {

/// Something wrong with a config, for a person: what, where, and what to do about it.
struct ConfigProblem {
  Place place = {};
  std::string what = {};
  std::string hint = {};  ///< may be empty
};

/// A problem after which nothing else of the document can be read.
class UnreadableConfig : public std::runtime_error {
 public:
  UnreadableConfig(Place place, const std::string& what)
      : std::runtime_error(what), place_(std::move(place)) {}
  const Place& place() const { return place_; }

 private:
  Place place_;
};

inline constexpr std::size_t kMostConfigBytes = 4u << 20u;
inline constexpr std::size_t kMostProblems = 100;  ///< that a person is told; no more are sought

/// Parses one document and replaces ${NAME} in its values. Duplicate keys and unset variables are
/// added to the problems. Size, depth, keys and the copies that aliases make are limited, so that
/// no text costs more than a second or 200 MB. `start` is the place of all values if the text comes
/// from a
/// --set; else lines are counted. Throws: UnreadableConfig.
ConfigNode parse_yaml(const std::string& text, const Place& start,
                      std::vector<ConfigProblem>& problems);

}  // namespace sweep
