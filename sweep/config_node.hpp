#pragma once

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace sweep {

/// Where a value of the config was written: a line of the file, or a --set of the command line.
struct Place {
  int line = 0;          ///< counts from 1; 0: nowhere in particular
  std::string set = {};  ///< the whole "key=value" if it came from --set
  bool operator<(const Place& other) const {
    return std::tie(line, set) < std::tie(other.line, other.set);
  }
};

/// A value of a config with the place of every part of it. Maps keep their order.
// NOLINTNEXTLINE(bugprone-exception-escape): moving a JSON value does not throw
struct ConfigNode {
  enum class Kind { scalar, list, map };
  using Entry = std::pair<std::string, ConfigNode>;

  Kind kind = Kind::scalar;
  nlohmann::json scalar = nullptr;     ///< null, bool, int64, double or string
  std::string text = {};               ///< a scalar as written, variables replaced
  std::vector<ConfigNode> items = {};  ///< of a list
  std::vector<Entry> entries = {};     ///< of a map, without duplicates
  Place place = {};                    ///< of the value; for a map entry that of its key

  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_null() const { return kind == Kind::scalar && scalar.is_null(); }

  /// The value of a map's key, or null. `key` is one key, no dotted path.
  const ConfigNode* find(const std::string& key) const;

  /// Sets a map's key, in its place if it exists, else at the end.
  void set(const std::string& key, ConfigNode value);
};

/// The same value without places.
nlohmann::json to_json(const ConfigNode& node);

/// "a number", "a list", ...: how a message calls a value.
std::string kind_of(const ConfigNode& node);

/// The innermost place that a dotted path ("dataset.root", "phases.0.loss") reaches inside a map or
/// a list.
Place place_of(const ConfigNode& node, const std::string& path);

}  // namespace sweep
