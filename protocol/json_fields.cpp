#include "protocol/json_fields.hpp"

#include "protocol/messages.hpp"

namespace protocol {

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
