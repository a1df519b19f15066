#include "sweep/config_node.hpp"

#include <algorithm>

namespace sweep {

const ConfigNode* ConfigNode::find(const std::string& key) const {
  const auto entry = std::ranges::find(entries, key, &Entry::first);
  return entry == entries.end() ? nullptr : &entry->second;
}

void ConfigNode::set(const std::string& key, ConfigNode value) {
  const auto entry = std::ranges::find(entries, key, &Entry::first);
  if (entry == entries.end()) {
    entries.emplace_back(key, std::move(value));
  } else {
    entry->second = std::move(value);
  }
}

nlohmann::json to_json(const ConfigNode& node) {
  if (node.is_list()) {
    auto list = nlohmann::json::array();
    for (const auto& item : node.items)
      list.push_back(to_json(item));
    return list;
  }
  if (node.is_map()) {
    auto map = nlohmann::json::object();
    for (const auto& [key, value] : node.entries)
      map[key] = to_json(value);
    return map;
  }
  return node.scalar;
}

std::string kind_of(const ConfigNode& node) {
  if (node.is_map()) return "a map";
  if (node.is_list()) return "a list";
  if (node.scalar.is_null()) return "empty";
  if (node.scalar.is_boolean()) return "true or false";
  if (node.scalar.is_number()) return "a number";
  return "text";
}

namespace {

/// The value of a map's key or at a list's position ("0"), or null.
const ConfigNode* child_of(const ConfigNode& node, const std::string& name) {
  if (node.is_map()) return node.find(name);
  for (std::size_t i = 0; i < node.items.size(); ++i)
    if (name == std::to_string(i)) return &node.items[i];
  return nullptr;
}

}  // namespace

Place place_of(const ConfigNode& node, const std::string& path) {
  if (const auto* exact = node.find(path)) return exact->place;
  const auto dot = path.find('.');
  const auto* child = child_of(node, path.substr(0, dot));
  if (child == nullptr) return node.place;
  return dot == std::string::npos ? child->place : place_of(*child, path.substr(dot + 1));
}

}  // namespace sweep
