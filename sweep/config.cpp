#include "sweep/config.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "protocol/suggestion.hpp"
#include "sweep/config_text.hpp"

namespace sweep {
namespace {

constexpr double kMostTrials = 1e7;
constexpr double kMostCombinations = 1e6;    // of settings: trials but for seeds and learning rates
constexpr std::size_t kLongestPhrase = 500;  // bytes of what a problem says

using Problems = std::vector<ConfigProblem>;

/// What a number of the run block may be.
struct NumberRule {
  bool is_whole = false;
  bool may_be_zero = false;
  const char* hint = "";
};

constexpr NumberRule kSeconds = {.hint = "seconds, above 0"};
constexpr NumberRule kSecondsOrNever = {.may_be_zero = true, .hint = "seconds, or 0 for never"};
constexpr NumberRule kCount = {
    .is_whole = true, .may_be_zero = true, .hint = "a whole number, at least 0"};
constexpr NumberRule kPositiveCount = {.is_whole = true, .hint = "a whole number, at least 1"};

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    throw UnreadableConfig({}, "cannot read the config");
  }
  std::string text;
  std::array<char, 65536> piece = {};
  while (file && text.size() <= kMostConfigBytes) {
    file.read(piece.data(), piece.size());
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  return text;
}

const std::vector<std::string> top_level_keys = {"name", "trainer",   "datasets", "trial",
                                                 "grid", "replicate", "run",      "slurm"};

/// Puts the value of a --set where its key points: a full path, an axis of the grid, or a setting.
void apply_override(ConfigNode& root, const std::string& text, Problems& problems) {
  const Place place{.set = text.empty() ? "''" : text};
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

/// An axis's items: those of its list, or the one value that it is.
std::span<const ConfigNode> items_of(const ConfigNode& axis) {
  return axis.is_list() ? std::span<const ConfigNode>(axis.items) : std::span(&axis, 1);
}

std::optional<IntegerRange> range_of(const ConfigNode& node) {
  return node.scalar.is_string() ? parse_range(node.text) : std::nullopt;
}

/// How many values a range has; none if it runs backwards. Exact up to 2^53.
double length_of(const IntegerRange& range) {
  if (range.last < range.first) return 0;
  const auto difference =
      static_cast<std::uint64_t>(range.last) - static_cast<std::uint64_t>(range.first);
  return static_cast<double>(difference) + 1;
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
    config.slurm = read_slurm_settings(map_of("slurm"), "slurm.", problems_);
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
    const auto grid = map_of("grid");
    const bool fits = check_size(grid);
    for (const auto& [key, node] : grid.entries) {
      auto& axis = axes.emplace_back(ConfigAxis{.key = key, .place = node.place});
      if (!fits) continue;
      for (const auto& item : items_of(node))
        append_values(item, axis.values);
    }
  }

  /// Counts before anything takes memory. False, with a problem, if the grid cannot be expanded.
  bool check_size(const ConfigNode& grid) {
    double num_trials = 1;
    double num_combinations = 1;
    const auto num_problems = problems_.size();
    for (const auto& [key, node] : grid.entries) {
      const auto count = count_values(key, node);
      if (count == 0) complain(node, "axis '" + key + "' is empty", "at least one value");
      num_trials *= count;
      if (!is_trial_key(key)) num_combinations *= count;
      if (problems_.size() > num_problems) continue;
      if (num_trials > kMostTrials) {
        problems_.push_back(
            {.place = node.place, .what = "axis '" + key + "' makes more than 10 million trials"});
      } else if (num_combinations > kMostCombinations) {
        problems_.push_back({.place = node.place,
                             .what = "axis '" + key + "' makes more than a million settings",
                             .hint = "only seed and learning_rate may have more values"});
      }
    }
    return problems_.size() == num_problems;
  }

  double count_values(const std::string& key, const ConfigNode& axis) {
    double count = 0;
    for (const auto& item : items_of(axis)) {
      const auto range = range_of(item);
      const auto length = range ? length_of(*range) : 1;
      if (length < 1 || length > kMostTrials) {
        complain(item,
                 "range " + item.text + " of axis '" + key + "' is " +
                     (length < 1 ? "empty" : "too long"),
                 length < 1 ? "the smaller end first" : "at most 10 million values");
      }
      count += std::max(length, 1.0);
    }
    return count;
  }

  /// Adds a value, or all values of a range.
  static void append_values(const ConfigNode& node, std::vector<ConfigNode>& values) {
    const auto range = range_of(node);
    if (!range) values.push_back(node);
    const auto length = range ? static_cast<std::int64_t>(length_of(*range)) : 0;
    for (std::int64_t i = 0; i < length; ++i) {
      const auto value = range->first + i;
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
      if (problems_.size() >= kMostProblems) return;
      if (std::ranges::find(axes, item.text) != axes.end()) continue;
      problems_.push_back({.place = node->place,
                           .what = "replicate names '" + item.text + "', which is no axis",
                           .hint = protocol::suggest_name(item.text, axes)});
    }
  }

  void read_run(RunSettings& run) {
    const std::map<std::string, std::function<void(const ConfigNode&)>> readers = {
        {"checkpoint_every",
         [&](auto& node) { read(node, kSecondsOrNever, run.checkpoint_every_s); }},
        {"grace", [&](auto& node) { read(node, kSeconds, run.grace_s); }},
        {"pack_width", [&](auto& node) { read(node, kPositiveCount, run.pack_width); }},
        {"restart_pause", [&](auto& node) { read(node, kSeconds, run.restart_pause_s); }},
        {"restarts", [&](auto& node) { read(node, kCount, run.restarts); }},
        {"retries", [&](auto& node) { read_retries(node, run.retries); }},
        {"trial_timeout", [&](auto& node) { read(node, kSecondsOrNever, run.trial_timeout_s); }},
    };
    std::vector<std::string> known(readers.size());
    std::ranges::transform(readers, known.begin(), [](const auto& entry) { return entry.first; });
    const auto block = map_of("run");
    check_keys(block, known, "run.");
    for (const auto& [key, node] : block.entries) {
      const auto reader = readers.find(key);
      if (reader == readers.end()) continue;
      name_ = "run." + key;
      reader->second(node);
    }
  }

  /// Reads the number that `name_` names.
  template <class Number>
  void read(const ConfigNode& node, const NumberRule& rule, Number& number) {
    constexpr double kLargest = 1e9;
    const auto value = node.scalar.is_number() ? node.scalar.get<double>() : -1;
    const bool is_good = (rule.may_be_zero ? value >= 0 : value > 0) && value <= kLargest &&
                         (!rule.is_whole || node.scalar.is_number_integer());
    if (is_good) {
      number = static_cast<Number>(value);
    } else {
      complain(node, name_ + " is " + (node.text.empty() ? kind_of(node) : node.text), rule.hint);
    }
  }

  /// One number for every cause, or a map of causes.
  void read_retries(const ConfigNode& node, Retries& retries) {
    if (!node.is_map()) {
      int all = 0;
      read(node, kCount, all);
      for (auto& [cause, limit] : retries)
        limit = all;
      return;
    }
    std::map<std::string, protocol::Cause> causes;
    std::vector<std::string> known;
    for (const auto& [cause, limit] : retries) {
      causes[protocol::to_string(cause)] = cause;
      known.push_back(protocol::to_string(cause));
    }
    check_keys(node, known, "run.retries.");
    for (const auto& [key, limit] : node.entries) {
      name_ = "run.retries." + key;
      if (causes.contains(key)) read(limit, kCount, retries[causes[key]]);
    }
  }

  const ConfigNode& root_;
  Problems& problems_;
  std::string name_;  // of the setting that is being read
};

/// Fit to stand in a line of a terminal, whatever a config put into it.
std::string printable(std::string text) {
  const bool is_long = text.size() > kLongestPhrase;
  if (is_long) text.resize(kLongestPhrase);
  for (auto& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return is_long ? text + "..." : text;
}

}  // namespace

bool is_trial_key(const std::string& key) {
  return key == "seed" || key == "learning_rate";
}

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
  const auto num_left_out = problems.size() - std::min(problems.size(), kMostProblems);
  problems.resize(problems.size() - num_left_out);
  std::string text;
  for (const auto& [place, what, hint] : problems) {
    text += "mpisweep: " + printable(what) + " in " +
            (place.set.empty() ? path.string() : "--set " + printable(place.set));
    if (place.line > 0) text += " (line " + std::to_string(place.line) + ")";
    if (!hint.empty()) text += ", " + printable(hint);
    text += '\n';
  }
  if (num_left_out > 0) text += fmt::format("mpisweep: ... and {} more\n", num_left_out);
  return text;
}

}  // namespace sweep
