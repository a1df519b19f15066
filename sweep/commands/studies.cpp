#include "sweep/commands/studies.hpp"

#include <algorithm>
#include <iostream>

#include <fmt/format.h>

#include "protocol/suggestion.hpp"
#include "sweep/exit_code.hpp"
#include "sweep/prepare.hpp"

namespace sweep {
namespace {

using protocol::SettingDeclaration;
using protocol::StudyDeclaration;

std::string describe_range(const SettingDeclaration& setting) {
  if (setting.min && setting.max) return fmt::format("{} to {}", *setting.min, *setting.max);
  if (setting.min) return fmt::format("at least {}", *setting.min);
  if (setting.max) return fmt::format("at most {}", *setting.max);
  return setting.type;
}

/// Words, a range, or a range with some words besides.
std::string describe_values(const SettingDeclaration& setting) {
  const auto words = fmt::format("{}", fmt::join(setting.values, " | "));
  if (words.empty()) return describe_range(setting);
  return setting.type == "string" ? words : words + " | " + describe_range(setting);
}

std::string join(const std::vector<std::string>& dims) {
  return fmt::format("{}", fmt::join(dims, ", "));
}

/// Of the longest name, so that what stands beside names is a column.
template <class Declaration>
std::size_t name_width(const std::map<std::string, Declaration>& named) {
  std::size_t width = 0;
  for (const auto& [name, declaration] : named)
    width = std::max(width, name.size());
  return width;
}

void print_study(const std::string& name, const StudyDeclaration& study) {
  std::cout << fmt::format("{} (version {})\n  settings\n", name, study.version);
  for (const auto& [key, setting] : study.settings) {
    const auto standard = setting.default_value.is_null() ? "-" : setting.default_value.dump();
    std::cout << fmt::format("    {:<{}}  {:<14} {}; {}\n", key, name_width(study.settings),
                             standard, setting.help, describe_values(setting));
  }
  std::cout << "  variables\n";
  for (const auto& [variable, declaration] : study.variables) {
    std::cout << fmt::format("    {:<{}}  {:<20} {} [{}]\n", variable, name_width(study.variables),
                             join(declaration.dims), declaration.long_name, declaration.units);
  }
}

void print_list(const std::map<std::string, StudyDeclaration>& studies) {
  for (const auto& [name, study] : studies) {
    std::cout << fmt::format("{}   version {}, {} settings, {} variables\n", name, study.version,
                             study.settings.size(), study.variables.size());
  }
  std::cout << "mpisweep studies NAME tells more\n";
}

std::vector<std::string> names_of(const std::map<std::string, StudyDeclaration>& studies) {
  std::vector<std::string> names;
  names.reserve(studies.size());
  for (const auto& [name, study] : studies)
    names.push_back(name);
  return names;
}

}  // namespace

int studies_command(const StudiesOptions& options) {
  TrainerChoice start{.trainer = {.program = options.trainer}, .device = DeviceChoice::cpu};
  std::unique_ptr<TrainerProcess> trainer;
  const auto studies = start_first_trainer(start, trainer).studies;
  const auto study = studies.find(options.name);
  if (!options.name.empty() && study == studies.end()) {
    std::cerr << "mpisweep: there is no study '" << options.name << "', "
              << protocol::suggest_name(options.name, names_of(studies)) << '\n';
    return to_int(ExitCode::bad_input);
  }
  if (options.as_json) {
    auto all = nlohmann::json::object();
    for (const auto& [name, declaration] : studies) {
      if (options.name.empty() || name == options.name) all[name] = protocol::to_json(declaration);
    }
    std::cout << all.dump(2) << '\n';
  } else if (options.name.empty()) {
    print_list(studies);
  } else {
    print_study(study->first, study->second);
  }
  return to_int(ExitCode::success);
}

}  // namespace sweep
