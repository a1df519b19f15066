#pragma once

#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace protocol {

inline constexpr int kDeepestJson = 200;  ///< lists and objects inside each other

/// Parses JSON that others wrote. What is nested without end would parse, but overflow the stack of
/// whoever copies or prints it.
/// Throws: ProtocolError if it is nested deeper than kDeepestJson; nlohmann::json::exception if it
/// is no JSON.
nlohmann::json parse_json(const std::string& text);

/// Typed reading of one JSON object's fields. What nlohmann would convert without a word (2.7 to 2,
/// true to 1, 2^40 to some int) is an error here, and every error names the field.
///
///   const JsonFields fields(json, "message 'progress'");
///   const auto epoch = fields.required<int>("epoch");
///
/// The JSON must outlive the reader. A field that is null counts as absent.
/// Throws: ProtocolError if a field is missing or has the wrong type, from every member.
class JsonFields {
 public:
  /// `owner` is what error messages call the object.
  JsonFields(const nlohmann::json& json, std::string owner);

  /// Null if the field is absent.
  const nlohmann::json* find(const char* key) const;

  template <class Value>
  Value required(const char* key) const {
    return convert<Value>(at(key), key);
  }

  template <class Value>
  std::optional<Value> optional(const char* key) const {
    const auto* json = find(key);
    return json == nullptr ? std::nullopt : std::optional<Value>(convert<Value>(*json, key));
  }

  template <class Value>
  Value value_or(const char* key, Value fallback) const {
    const auto* json = find(key);
    return json == nullptr ? std::move(fallback) : convert<Value>(*json, key);
  }

  /// The field as an object, any values inside.
  const nlohmann::json& object(const char* key) const;

  /// A list of objects, each read by `read(JsonFields)`. An absent field is an empty list.
  template <class Read>
  auto list_of(const char* key, Read read) const {
    std::vector<std::invoke_result_t<Read, const JsonFields&>> items;
    const auto* json = find(key);
    if (json == nullptr) return items;
    expect(json->is_array(), *json, key, "a list");
    for (const auto& item : *json)
      items.push_back(read(JsonFields(item, inside(key))));
    return items;
  }

  /// An object of objects, each read by `read(JsonFields)`. An absent field is an empty map.
  template <class Read>
  auto map_of(const char* key, Read read) const {
    std::map<std::string, std::invoke_result_t<Read, const JsonFields&>> items;
    const auto* json = find(key);
    if (json == nullptr) return items;
    expect(json->is_object(), *json, key, "an object");
    for (const auto& [name, item] : json->items()) {
      items.emplace(name, read(JsonFields(item, name + " in " + inside(key))));
    }
    return items;
  }

 private:
  template <class Value>
  struct IsVector : std::false_type {};
  template <class Item>
  struct IsVector<std::vector<Item>> : std::true_type {};

  template <class Value>
  Value convert(const nlohmann::json& json, const char* key) const {
    if constexpr (std::is_same_v<Value, nlohmann::json>) {
      return json;
    } else if constexpr (std::is_same_v<Value, std::string>) {
      expect(json.is_string(), json, key, "a string");
      return json.get<std::string>();
    } else if constexpr (std::is_same_v<Value, bool>) {
      expect(json.is_boolean(), json, key, "true or false");
      return json.get<bool>();
    } else if constexpr (std::integral<Value>) {
      return convert_integer<Value>(json, key);
    } else if constexpr (std::floating_point<Value>) {
      expect(json.is_number(), json, key, "a number");
      return json.get<Value>();
    } else {
      static_assert(IsVector<Value>::value, "no rule to read this type");
      return convert_list<Value>(json, key);
    }
  }

  template <class Value>
  Value convert_integer(const nlohmann::json& json, const char* key) const {
    const auto fits = [&json] {
      if (json.is_number_unsigned()) return std::in_range<Value>(json.get<std::uint64_t>());
      return json.is_number_integer() && std::in_range<Value>(json.get<std::int64_t>());
    };
    expect(fits(), json, key, "an integer of " + std::to_string(sizeof(Value)) + " bytes");
    return json.get<Value>();
  }

  template <class List>
  List convert_list(const nlohmann::json& json, const char* key) const {
    expect(json.is_array(), json, key, "a list");
    List list;
    list.reserve(json.size());
    for (const auto& item : json)
      list.push_back(convert<typename List::value_type>(item, key));
    return list;
  }

  const nlohmann::json& at(const char* key) const;
  std::string inside(const char* key) const;
  void expect(bool is_right, const nlohmann::json& found, const char* key,
              const std::string& wanted) const;

  const nlohmann::json& json_;
  std::string owner_;
};

}  // namespace protocol
