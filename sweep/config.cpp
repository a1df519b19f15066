#include "sweep/config.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "protocol/suggestion.hpp"
#include "sweep/config_text.hpp"

namespace sweep {
namespace {

constexpr std::int64_t kLongestAxis = 10'000'000;  // values

using Problems = std::vector<ConfigProblem>;

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    throw UnreadableConfig({}, "cannot read the config");
  }
  std::string text(kMostConfigBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

const std::vector<std::string> top_level_keys = {"name", "trainer",   "datasets", "trial",
                                                 "grid", "replicate", "run",      "slurm"};

/// Puts the value of a --set where its key points: a full path, an axis of the grid, or a setting.
void apply_override(ConfigNode& root, const std::string& text, Problems& problems) {
  const Place place{.set = text};
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    problems.push_back({.place = place, .what = "--set needs key=value"});
    return;
  }
  auto key = text.substr(0, equals);
  auto value = parse_yaml(text.substr(equals + 1), place, problems);
  value.place = place;
  const auto section = key.substr(0, key.find('.'));
  const bool is_full_path = std::ranges::find(top_level_keys, section) != top_level_keys.end();
  if (!is_full_path) {
    const auto* grid = root.find("grid");
    key.insert(0, grid != nullptr && grid->find(key) != nullptr ? "grid." : "trial.");
  }
  const auto dot = key.find('.');
  if (dot == std::string::npos) {
    root.set(key, std::move(value));
    return;
  }
  const auto* existing = root.find(key.substr(0, dot));
  ConfigNode block = existing != nullptr && existing->is_map()
                         ? *existing
                         : ConfigNode{.kind = ConfigNode::Kind::map, .place = place};
  const auto rest = key.substr(dot + 1);
  if (key.starts_with("trial.") && root.find("grid") != nullptr) {
    // A fixed setting replaces an axis of the same name.
    auto grid = *root.find("grid");
    std::erase_if(grid.entries, [&rest](const auto& entry) { return entry.first == rest; });
    root.set("grid", std::move(grid));
  }
  block.set(rest, std::move(value));
  root.set(key.substr(0, dot), std::move(block));
}

/// Reads the blocks of the config one by one; each complains about what it does not understand.
class ConfigReader {
 public:
  ConfigReader(const ConfigNode& root, Problems& problems) : root_(root), problems_(problems) {}

  void read(Config& config) {
    check_keys(root_, top_level_keys, "");
    config.name = text_of("name", config.path.stem().string());
    check_name(config.name);
    config.datasets = map_of("datasets");
    for (const auto& [key, value] : config.datasets.entries) {
      if (!value.is_map()) complain(value, "data set '" + key + "' is " + kind_of(value), "a map");
    }
    config.trial = map_of("trial");
    read_trainer(config.trainer);
    read_grid(config.grid);
    read_replicate(config);
    read_run(config.run);
  }

 private:
  void complain(const ConfigNode& node, const std::string& what, const std::string& wanted) {
    problems_.push_back({.place = node.place, .what = what, .hint = "want " + wanted});
  }

  void check_keys(const ConfigNode& map, std::span<const std::string> known,
                  const std::string& prefix) {
    for (const auto& [key, value] : map.entries) {
      if (std::ranges::find(known, key) != known.end()) continue;
      problems_.push_back({.place = value.place,
                           .what = fmt::format("unknown key '{}{}'", prefix, key),
                           .hint = protocol::suggest_name(key, known)});
    }
  }

  /// The value of a top-level key; null if it is absent or empty.
  const ConfigNode* find(const std::string& key) const {
    const auto* node = root_.find(key);
    return node == nullptr || node->is_null() ? nullptr : node;
  }

  std::string text_of(const std::string& key, const std::string& fallback) {
    const auto* node = find(key);
    if (node == nullptr) return fallback;
    if (node->kind != ConfigNode::Kind::scalar)
      complain(*node, key + " is " + kind_of(*node), "text");
    return node->text;
  }

  void check_name(const std::string& name) {
    const bool is_good = !name.empty() && name.find_first_of("/\\") == std::string::npos &&
                         name != "." && name != "..";
    if (!is_good) complain(*find("name"), "name is '" + name + "'", "a name without slashes");
  }

  ConfigNode map_of(const std::string& key) {
    const auto* node = find(key);
    if (node != nullptr && node->is_map()) return *node;
    if (node != nullptr) complain(*node, key + " is " + kind_of(*node), "a map");
    return {.kind = ConfigNode::Kind::map};
  }

  void read_trainer(std::vector<std::string>& command) {
    const auto* node = find("trainer");
    if (node == nullptr) return;
    if (node->kind == ConfigNode::Kind::scalar) {
      command = {node->text};
      return;
    }
    for (const auto& item : node->items)
      command.push_back(item.text);
    if (command.empty() || std::ranges::any_of(node->items, &ConfigNode::is_list)) {
      complain(*node, "trainer is " + kind_of(*node), "a program with its arguments");
    }
  }

  void read_grid(std::vector<ConfigAxis>& axes) {
    for (const auto& [key, node] : map_of("grid").entries) {
      ConfigAxis axis{.key = key, .values = {}, .place = node.place};
      if (node.is_list()) {
        for (const auto& item : node.items)
          append_values(key, item, axis.values);
      } else {
        append_values(key, node, axis.values);
      }
      if (axis.values.empty()) complain(node, "axis '" + key + "' is empty", "at least one value");
      axes.push_back(std::move(axis));
    }
  }

  /// Adds a value, or all values of a range.
  void append_values(const std::string& key, const ConfigNode& node,
                     std::vector<ConfigNode>& values) {
    const auto range = node.scalar.is_string() ? parse_range(node.text) : std::nullopt;
    if (!range) {
      values.push_back(node);
      return;
    }
    const bool is_too_long = static_cast<double>(range->last) - static_cast<double>(range->first) >=
                             static_cast<double>(kLongestAxis);
    if (is_too_long || range->last < range->first) {
      complain(node,
               "range " + node.text + " of axis '" + key + "' is " +
                   (is_too_long ? "too long" : "empty"),
               is_too_long ? "at most 10 million values" : "the smaller end first");
      return;
    }
    values.reserve(values.size() + static_cast<std::size_t>(range->last - range->first) + 1);
    for (auto value = range->first; value <= range->last; ++value) {
      values.push_back({.scalar = value, .text = std::to_string(value), .place = node.place});
    }
  }

  void read_replicate(Config& config) {
    const auto* node = find("replicate");
    if (node == nullptr) return;
    config.replicate.clear();
    const auto items = node->is_list() ? node->items : std::vector<ConfigNode>{*node};
    std::vector<std::string> axes;
    for (const auto& axis : config.grid)
      axes.push_back(axis.key);
    for (const auto& item : items) {
      config.replicate.push_back(item.text);
      if (std::ranges::find(axes, item.text) != axes.end()) continue;
      problems_.push_back({.place = node->place,
                           .what = "replicate names '" + item.text + "', which is no axis",
                           .hint = protocol::suggest_name(item.text, axes)});
    }
  }

  void read_run(RunSettings& run) {
    const std::map<std::string, std::function<void(double)>> readers = {
        {"grace", [&run](double value) { run.grace_s = value; }},
        {"pack_width", [&run](double value) { run.pack_width = static_cast<int>(value); }},
        {"trial_timeout", [&run](double value) { run.trial_timeout_s = value; }},
    };
    const std::vector<std::string> known = {"grace", "pack_width", "trial_timeout"};
    const auto block = map_of("run");
    check_keys(block, known, "run.");
    for (const auto& [key, node] : block.entries) {
      const auto reader = readers.find(key);
      if (reader == readers.end()) continue;
      const bool is_count = key == "pack_width";
      const bool is_good = node.scalar.is_number() && node.scalar.get<double>() > 0 &&
                           node.scalar.get<double>() <= 1e9 &&
                           (!is_count || node.scalar.is_number_integer());
      if (is_good) {
        reader->second(node.scalar.get<double>());
      } else {
        complain(node, "run." + key + " is " + (node.text.empty() ? kind_of(node) : node.text),
                 is_count ? "a whole number, at least 1" : "seconds, above 0");
      }
    }
  }

  const ConfigNode& root_;
  Problems& problems_;
};

}  // namespace

Config read_config(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                   std::vector<ConfigProblem>& problems) {
  Config config;
  config.path = std::filesystem::absolute(path).lexically_normal();
  try {
    config.text = read_text(path);
    auto root = parse_yaml(config.text, {}, problems);
    if (!root.is_map()) throw UnreadableConfig({.line = 1}, "the config is " + kind_of(root));
    for (const auto& override : overrides)
      apply_override(root, override, problems);
    ConfigReader(root, problems).read(config);
  } catch (const UnreadableConfig& error) {
    problems.push_back({.place = error.place(), .what = error.what()});
  }
  return config;
}

std::string describe(std::vector<ConfigProblem> problems, const std::filesystem::path& path) {
  std::ranges::stable_sort(
      problems, [](const Place& a, const Place& b) { return a < b; }, &ConfigProblem::place);
  std::string text;
  for (const auto& [place, what, hint] : problems) {
    text +=
        "mpisweep: " + what + " in " + (place.set.empty() ? path.string() : "--set " + place.set);
    if (place.line > 0) text += " (line " + std::to_string(place.line) + ")";
    if (!hint.empty()) text += ", " + hint;
    text += '\n';
  }
  return text;
}

}  // namespace sweep
