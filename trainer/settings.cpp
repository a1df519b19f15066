#include "trainer/settings.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "protocol/suggestion.hpp"

namespace trainer {
namespace {

using nlohmann::json;

/// Reads given settings against their declarations and gathers every problem on the way.
class Resolver {
 public:
  Resolved resolve(const Schema& schema, const json& given);

 private:
  json resolve_map(const std::vector<Setting>& settings, const std::vector<Section>& sections,
                   const json& given, const std::string& prefix);
  json resolve_section(const Section& section, const json& given, const std::string& prefix);
  json resolve_list(const List& list, const json& given);
  const Choice* choose(const Section& section, const json& given, const std::string& prefix);
  void resolve_members(const std::vector<Setting>& settings, const json& given,
                       const std::string& prefix, json& into);
  void report_unknown(const json& given, const std::string& prefix,
                      const std::vector<std::string>& known);
  void report_strangers(const Section& section, const Choice& choice, const json& given,
                        const std::string& prefix);
  json read_value(const protocol::SettingDeclaration& declared, const std::string& key,
                  const json& value);
  void check_range(const protocol::SettingDeclaration& declared, const std::string& key,
                   const json& number);
  void check_text(const protocol::SettingDeclaration& declared, const std::string& key,
                  const std::string& text);
  void report_unknown_key(const std::string& path, const std::string& hint) {
    report(path, "unknown key '" + path + "'", hint);
  }
  void report(const std::string& key, const std::string& problem, const std::string& hint = {}) {
    resolved_.problems.push_back({.key = key, .problem = problem, .hint = hint, .index = {}});
  }

  Resolved resolved_ = {};
};

bool is_given(const json& settings, const std::string& key) {
  const auto found = settings.find(key);
  return found != settings.end() && !found->is_null();
}

bool is_whole_list(const json& value) {
  return value.is_array() && std::ranges::all_of(value, &json::is_number_integer);
}

bool is_number(const json& value) {
  return value.is_number() && std::isfinite(value.get<double>());
}

bool has_type(const json& value, const std::string& type) {
  if (type == "int") return value.is_number_integer();
  if (type == "float") return is_number(value);
  if (type == "bool") return value.is_boolean();
  if (type == "list") return is_whole_list(value);
  if (type == "numbers") return value.is_array() && std::ranges::all_of(value, is_number);
  return value.is_string();
}

/// One of the words that a declaration takes besides its type.
bool is_word(const json& value, const protocol::SettingDeclaration& declared) {
  return value.is_string() && !declared.values.empty();
}

std::string describe_type(const std::string& type) {
  if (type == "int") return "a whole number";
  if (type == "float") return "a number";
  if (type == "bool") return "true or false";
  if (type == "list") return "a list of whole numbers";
  if (type == "numbers") return "a list of numbers";
  return "a text";
}

std::vector<std::string> keys_of(const std::vector<Setting>& settings) {
  std::vector<std::string> keys;
  keys.reserve(settings.size());
  for (const auto& setting : settings)
    keys.push_back(setting.key);
  return keys;
}

std::vector<std::string> keys_of(const std::vector<Setting>& settings,
                                 const std::vector<Section>& sections) {
  auto keys = keys_of(settings);
  for (const auto& section : sections)
    keys.push_back(section.key);
  return keys;
}

std::vector<std::string> names_of(const Section& section) {
  std::vector<std::string> names;
  for (const auto& choice : section.choices)
    if (std::ranges::find(names, choice.name) == names.end()) names.push_back(choice.name);
  return names;
}

/// "mosaic", or of several of that name "mosaic with images gaussian".
std::string title(const Choice& choice) {
  const auto& word = choice.only_with;
  return choice.name + (word ? " with " + word->key + " " + word->value : "");
}

std::string join(const std::vector<std::string>& words) {
  std::string line;
  for (const auto& word : words)
    line += (line.empty() ? "" : ", ") + word;
  return line;
}

std::string describe(const protocol::SettingDeclaration& declared) {
  const auto type = describe_type(declared.type);
  const bool has_words = declared.type != "string" && !declared.values.empty();
  return has_words ? type + " or " + join(declared.values) : type;
}

bool has_setting(const Choice& choice, const std::string& key) {
  return std::ranges::find(choice.settings, key, &Setting::key) != choice.settings.end();
}

/// Whether the setting is the word by which the choice is told from another of its name.
bool is_told_by(const Choice& choice, const std::string& key) {
  return choice.only_with && choice.only_with->key == key;
}

std::vector<std::string> choices_with(const Section& section, const std::string& key) {
  std::vector<std::string> names;
  for (const auto& choice : section.choices)
    if (has_setting(choice, key) && !is_told_by(choice, key)) names.push_back(title(choice));
  return names;
}

/// 2 rather than 2.0.
std::string to_text(double number) {
  const auto whole = static_cast<std::int64_t>(number);
  return static_cast<double>(whole) == number ? std::to_string(whole) : json(number).dump();
}

Resolved Resolver::resolve(const Schema& schema, const json& given) {
  if (!given.is_object()) {
    report("", "the settings must be a map");
    return std::move(resolved_);
  }
  auto known = keys_of(schema.settings, schema.sections);
  for (const auto& list : schema.lists)
    known.push_back(list.key);
  report_unknown(given, "", known);
  auto settings = resolve_map(schema.settings, schema.sections, given, "");
  for (const auto& list : schema.lists)
    if (is_given(given, list.key)) settings[list.key] = resolve_list(list, given[list.key]);
  resolved_.settings = std::move(settings);
  return std::move(resolved_);
}

json Resolver::resolve_map(const std::vector<Setting>& settings,
                           const std::vector<Section>& sections, const json& given,
                           const std::string& prefix) {
  json resolved = json::object();
  resolve_members(settings, given, prefix, resolved);
  for (const auto& section : sections) {
    const bool is_absent = !is_given(given, section.key);
    if (is_absent && section.is_optional) continue;
    const auto value = is_absent ? json::object() : given[section.key];
    resolved[section.key] = resolve_section(section, value, prefix);
  }
  return resolved;
}

json Resolver::resolve_list(const List& list, const json& given) {
  if (!given.is_array() || given.empty() || !std::ranges::all_of(given, &json::is_object)) {
    report(list.key, "must be a list of at least one map", list.help);
    return given;
  }
  auto resolved = json::array();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto prefix = list.key + "." + std::to_string(i) + ".";
    report_unknown(given[i], prefix, keys_of(list.settings, list.sections));
    resolved.push_back(resolve_map(list.settings, list.sections, given[i], prefix));
  }
  return resolved;
}

json Resolver::resolve_section(const Section& section, const json& given,
                               const std::string& prefix) {
  if (given.is_string()) return resolve_section(section, {{section.selector, given}}, prefix);
  if (!given.is_object()) {
    report(prefix + section.key, "must be a map or the name of one of: " + join(names_of(section)));
    return json::object();
  }
  const auto* choice = choose(section, given, prefix);
  if (choice == nullptr) return given;
  report_strangers(section, *choice, given, prefix);
  json resolved = {{section.selector, choice->name}};
  resolve_members(choice->settings, given, prefix + section.key + ".", resolved);
  return resolved;
}

const Choice* Resolver::choose(const Section& section, const json& given,
                               const std::string& prefix) {
  const auto key = prefix + section.key + "." + section.selector;
  const auto names = names_of(section);
  const bool is_named = is_given(given, section.selector);
  if (!is_named && section.default_choice.empty()) {
    report(key, "is missing", "known are " + join(names));
    return nullptr;
  }
  const auto value = is_named ? given[section.selector] : json(section.default_choice);
  const auto name = value.is_string() ? value.get<std::string>() : value.dump();
  if (const auto* choice = find_choice(section.choices, name, given)) return choice;
  report(key, "unknown " + section.key + " '" + name + "'", protocol::suggest_name(name, names));
  return nullptr;
}

void Resolver::resolve_members(const std::vector<Setting>& settings, const json& given,
                               const std::string& prefix, json& into) {
  for (const auto& [key, declared, is_required] : settings) {
    if (is_given(given, key)) {
      into[key] = read_value(declared, prefix + key, given[key]);
    } else if (is_required) {
      report(prefix + key, "is missing", declared.help);
    } else if (!declared.default_value.is_null()) {
      into[key] = declared.default_value;
    }
  }
}

void Resolver::report_unknown(const json& given, const std::string& prefix,
                              const std::vector<std::string>& known) {
  for (const auto& [key, value] : given.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    report_unknown_key(prefix + key, protocol::suggest_name(key, known));
  }
}

void Resolver::report_strangers(const Section& section, const Choice& choice, const json& given,
                                const std::string& prefix) {
  auto known = keys_of(choice.settings);
  known.push_back(section.selector);
  const auto path = prefix + section.key + ".";
  auto strangers = given;
  for (const auto& [key, value] : given.items()) {
    const auto owners = choices_with(section, key);
    if (owners.empty() || has_setting(choice, key)) continue;
    report(path + key, "does not apply to " + section.key + " '" + title(choice) + "'",
           "belongs to " + join(owners));
    strangers.erase(key);
  }
  report_unknown(strangers, path, known);
}

json Resolver::read_value(const protocol::SettingDeclaration& declared, const std::string& key,
                          const json& value) {
  if (!has_type(value, declared.type) && !is_word(value, declared)) {
    report(key, "must be " + describe(declared) + ", not " + value.dump());
    return value;
  }
  if (value.is_array()) {
    for (const auto& item : value)
      check_range(declared, key, item);
  }
  if (value.is_number()) check_range(declared, key, value);
  if (value.is_string()) check_text(declared, key, value.get<std::string>());
  if (declared.type == "numbers") return value.get<std::vector<double>>();
  return declared.type == "float" && value.is_number() ? json(value.get<double>()) : value;
}

void Resolver::check_range(const protocol::SettingDeclaration& declared, const std::string& key,
                           const json& number) {
  const auto value = number.get<double>();
  if (declared.min && value < *declared.min) {
    report(key, "must be at least " + to_text(*declared.min) + ", not " + number.dump());
  }
  if (declared.max && value > *declared.max) {
    report(key, "must be at most " + to_text(*declared.max) + ", not " + number.dump());
  }
}

void Resolver::check_text(const protocol::SettingDeclaration& declared, const std::string& key,
                          const std::string& text) {
  const auto& values = declared.values;
  if (values.empty() || std::ranges::find(values, text) != values.end()) return;
  report(key, "unknown " + key + " '" + text + "'", protocol::suggest_name(text, values));
}

protocol::SettingDeclaration selector_declaration(const Section& section) {
  std::string help;
  for (const auto& choice : section.choices) {
    help += (help.empty() ? "" : "; ") + title(choice) + ": " + choice.help;
  }
  const auto& name = section.default_choice;
  return {.type = "string",
          .default_value = name.empty() ? json() : json(name),
          .values = names_of(section),
          .help = help};
}

/// One declaration for all choices that have the setting, whose defaults may differ.
protocol::SettingDeclaration member_declaration(const Section& section, const std::string& key) {
  std::vector<protocol::SettingDeclaration> declared;
  std::string defaults;
  for (const auto& choice : section.choices) {
    const auto setting = std::ranges::find(choice.settings, key, &Setting::key);
    if (setting == choice.settings.end() || is_told_by(choice, key)) continue;
    declared.push_back(setting->declaration);
    defaults += (defaults.empty() ? "" : ", ") + declared.back().default_value.dump() + " (" +
                title(choice) + ")";
  }
  auto merged = declared.front();
  const bool is_agreed = std::ranges::all_of(
      declared, [&](const auto& each) { return each.default_value == merged.default_value; });
  merged.help +=
      is_agreed ? " (" + join(choices_with(section, key)) + ")" : "; default " + defaults;
  if (!is_agreed) merged.default_value = nullptr;
  return merged;
}

}  // namespace

Setting whole_number(const std::string& key, int default_value, int min, const std::string& help,
                     int max) {
  return {.key = key,
          .declaration = {
              .type = "int", .default_value = default_value, .min = min, .max = max, .help = help}};
}

Setting one_of(const std::string& key, const json& default_value,
               const std::vector<std::string>& values, const std::string& help) {
  return {.key = key,
          .declaration = {
              .type = "string", .default_value = default_value, .values = values, .help = help}};
}

const Choice* find_choice(const std::vector<Choice>& choices, const std::string& name,
                          const json& given) {
  const Choice* general = nullptr;
  for (const auto& choice : choices) {
    if (choice.name != name) continue;
    if (!choice.only_with) general = &choice;
    if (choice.only_with && given.value(choice.only_with->key, json()) == choice.only_with->value) {
      return &choice;
    }
  }
  return general;
}

std::map<std::string, protocol::SettingDeclaration> declarations(const Schema& schema) {
  std::map<std::string, protocol::SettingDeclaration> flat;
  for (const auto& setting : schema.settings)
    flat[setting.key] = setting.declaration;
  for (const auto& list : schema.lists)
    flat[list.key] = {.type = "list", .help = list.help};
  for (const auto& section : schema.sections) {
    flat[section.key + "." + section.selector] = selector_declaration(section);
    for (const auto& choice : section.choices)
      for (const auto& setting : choice.settings)
        flat[section.key + "." + setting.key] = member_declaration(section, setting.key);
  }
  return flat;
}

Resolved resolve(const Schema& schema, const nlohmann::json& given) {
  return Resolver().resolve(schema, given);
}

SettingError::SettingError(const std::string& key, const std::string& problem,
                           const std::string& hint)
    : std::runtime_error(key + ": " + problem + (hint.empty() ? "" : ", " + hint)),
      problem_{.key = key, .problem = problem, .hint = hint, .index = {}} {}

}  // namespace trainer
