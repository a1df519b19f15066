#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "protocol/messages.hpp"

/// The settings a study knows: written down once, they serve `ready` and `check` alike.
namespace trainer {

struct Setting {
  std::string key = {};  ///< inside its section: "momentum"
  protocol::SettingDeclaration declaration = {};
  bool is_required = false;
};

/// A setting that is a whole number from `min` to `max`.
Setting whole_number(const std::string& key, int default_value, int min, const std::string& help,
                     int max = 1'000'000'000);

/// A setting that is one of some words. The default is a word, or null: left out.
Setting one_of(const std::string& key, const nlohmann::json& default_value,
               const std::vector<std::string>& values, const std::string& help);

/// A setting and one of its words.
struct Word {
  std::string key = {};
  std::string value = {};
};

/// One value of a section's selector, with the settings that make sense only beside it.
struct Choice {
  std::string name = {};
  std::string help = {};  ///< one line
  std::vector<Setting> settings = {};
  std::optional<Word> only_with = {};  ///< goes before another choice of its name where this is set
};

/// Of the choices of one name, the one that the given members of the section mean; null if there is
/// none of that name.
const Choice* find_choice(const std::vector<Choice>& choices, const std::string& name,
                          const nlohmann::json& given);

/// A group of settings, one of which (the selector) decides which of the others apply:
///
///   optimizer: {name: sgd, momentum: 0.9}       or, with nothing but the selector, optimizer: sgd
struct Section {
  std::string key = {};             ///< "optimizer"
  std::string selector = {};        ///< "name"
  std::string default_choice = {};  ///< empty: must be given
  std::vector<Choice> choices = {};
  bool is_optional = false;  ///< left out of the resolved settings where it is not given
};

/// A list of maps, at least one, each with the same settings and sections. Paths count from 0,
/// "phases.0.epochs":
///
///   phases: [{loss: soft, epochs: 20}, {loss: hard, epochs: 10}]
struct List {
  std::string key = {};  ///< "phases"
  std::string help = {};
  std::vector<Setting> settings = {};
  std::vector<Section> sections = {};
};

struct Schema {
  std::vector<Setting> settings = {};
  std::vector<Section> sections = {};
  std::vector<List> lists = {};
};

/// Every setting under its dotted name.
std::map<std::string, protocol::SettingDeclaration> declarations(const Schema& schema);

/// Settings in their one canonical form: defaults filled in, shorthands written out, a float where
/// a float is declared. With problems, as much of it as could be read.
struct Resolved {
  nlohmann::json settings = nlohmann::json::object();
  std::vector<protocol::Problem> problems = {};
};

/// Finds every problem at once: unknown keys and choices, wrong types, values out of range, missing
/// settings, and settings that belong to another choice.
Resolved resolve(const Schema& schema, const nlohmann::json& given);

/// A setting that turns out wrong only when it is used: data that is missing, say.
class SettingError : public std::runtime_error {
 public:
  /// `key` is the dotted path; what() is "key: problem, hint".
  SettingError(const std::string& key, const std::string& problem, const std::string& hint = {});

  const protocol::Problem& problem() const { return problem_; }

 private:
  protocol::Problem problem_;
};

}  // namespace trainer
