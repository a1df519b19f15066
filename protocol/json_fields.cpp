#include "protocol/json_fields.hpp"

#include <algorithm>

#include "protocol/messages.hpp"

namespace protocol {
namespace {

/// How many lists and objects stand inside each other. Brackets in strings do not count.
int depth_of(const std::string& text) {
  int depth = 0;
  int deepest = 0;
  bool is_in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') is_in_string = !is_in_string;
    if (c == '\\') ++i;  // whatever comes next, it ends no string
    if (is_in_string) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

}  // namespace

nlohmann::json parse_json(const std::string& text) {
  if (depth_of(text) > kDeepestJson) {
    throw ProtocolError("JSON has more than " + std::to_string(kDeepestJson) +
                        " lists and objects inside each other");
  }
  return nlohmann::json::parse(text);
}

JsonFields::JsonFields(const nlohmann::json& json, std::string owner)
    : json_(json), owner_(std::move(owner)) {
  if (!json.is_object()) throw ProtocolError(owner_ + " is no JSON object");
}

const nlohmann::json* JsonFields::find(const char* key) const {
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json& JsonFields::object(const char* key) const {
  const auto& json = at(key);
  expect(json.is_object(), json, key, "an object");
  return json;
}

const nlohmann::json& JsonFields::at(const char* key) const {
  if (const auto* json = find(key)) return *json;
  throw ProtocolError("field '" + std::string(key) + "' is missing in " + owner_);
}

std::string JsonFields::inside(const char* key) const {
  return std::string(key).append(" of ").append(owner_);
}

void JsonFields::expect(bool is_right, const nlohmann::json& found, const char* key,
                        const std::string& wanted) const {
  if (is_right) return;
  throw ProtocolError("field '" + std::string(key) + "' in " + owner_ + " is " + found.type_name() +
                      " (want " + wanted + ")");
}

}  // namespace protocol
