#include "sweep/grid.hpp"

#define XXH_INLINE_ALL
#include <algorithm>

#include <xxhash.h>

#include "protocol/suggestion.hpp"

namespace sweep {
namespace {

using Problems = std::vector<ConfigProblem>;
using Json = nlohmann::json;

bool is_dotted(const std::string& key) {
  return key.find('.') != std::string::npos;
}

/// Sets a value inside nested maps.
void set_path(Json& settings, const std::string& path, Json value) {
  const auto dot = path.find('.');
  const auto key = path.substr(0, dot);
  if (dot == std::string::npos) {
    settings[key] = std::move(value);
    return;
  }
  auto& inner = settings[key];
  if (inner.is_string()) inner = Json{{"name", inner}};
  if (!inner.is_object()) inner = Json::object();
  set_path(inner, path.substr(dot + 1), std::move(value));
}

/// The map a data set's name stands for, or null.
const ConfigNode* find_dataset(const Config& config, const std::string& key,
                               const ConfigNode& value) {
  if (key != "dataset" || !value.scalar.is_string()) return nullptr;
  return config.datasets.find(value.text);
}

Json setting_value(const Config& config, const std::string& key, const ConfigNode& value) {
  const auto* dataset = find_dataset(config, key, value);
  return to_json(dataset == nullptr ? value : *dataset);
}

/// A setting and its value, from the trial block or from one point of an axis.
struct Assignment {
  std::string key = {};
  const ConfigNode* value = nullptr;
};

std::vector<Assignment> assignments_of(const Config& config,
                                       const std::vector<std::size_t>& value_indices) {
  std::vector<Assignment> all;
  for (const auto& [key, value] : config.trial.entries)
    all.push_back({key, &value});
  for (std::size_t i = 0; i < config.grid.size(); ++i) {
    all.push_back({config.grid[i].key, &config.grid[i].values[value_indices[i]]});
  }
  std::stable_partition(all.begin(), all.end(),
                        [](const auto& one) { return !is_dotted(one.key); });
  return all;
}

Json settings_of(const Config& config, const std::vector<std::size_t>& value_indices) {
  auto settings = Json::object();
  for (const auto& [key, value] : assignments_of(config, value_indices)) {
    if (!is_trial_key(key)) set_path(settings, key, setting_value(config, key, *value));
  }
  return settings;
}

std::vector<results::Axis> axes_of(const Config& config) {
  std::vector<results::Axis> axes;
  for (const auto& axis : config.grid) {
    auto& values = axes.emplace_back(results::Axis{.name = axis.key}).values;
    values.reserve(axis.values.size());
    for (const auto& value : axis.values)
      values.push_back(to_json(value));
  }
  return axes;
}

/// Moves to the next point of the grid, the last axis first. False after the last one.
bool advance(std::vector<std::size_t>& indices, const std::vector<std::size_t>& lengths) {
  for (auto i = indices.size(); i-- > 0;) {
    if (++indices[i] < lengths[i]) return true;
    indices[i] = 0;
  }
  return false;
}

/// Complains about one value of seed or learning_rate.
void check_trial_value(const std::string& key, const ConfigNode& value, Problems& problems) {
  const auto complain = [&](const char* wanted) {
    problems.push_back({.place = value.place,
                        .what = key + " is " + (value.text.empty() ? kind_of(value) : value.text),
                        .hint = std::string("want ") + wanted});
  };
  if (key == "seed") {
    const bool is_good = value.scalar.is_number_integer() && value.scalar.get<std::int64_t>() >= 0;
    if (!is_good) complain("a whole number, at least 0");
  } else {
    const bool is_good = value.scalar.is_number() && value.scalar.get<double>() > 0;
    if (!is_good) complain("a number above 0");
  }
}

void check_dataset_name(const Config& config, const ConfigNode& value, Problems& problems) {
  const bool is_unknown = !config.datasets.entries.empty() && value.scalar.is_string() &&
                          config.datasets.find(value.text) == nullptr;
  if (!is_unknown) return;
  std::vector<std::string> names;
  for (const auto& [name, dataset] : config.datasets.entries)
    names.push_back(name);
  problems.push_back({.place = value.place,
                      .what = "there is no data set '" + value.text + "'",
                      .hint = protocol::suggest_name(value.text, names)});
}

void check_values(const Config& config, const std::string& key,
                  const std::vector<ConfigNode>& values, Problems& problems) {
  for (const auto& value : values) {
    if (problems.size() >= kMostProblems) return;
    if (is_trial_key(key)) check_trial_value(key, value, problems);
    if (key == "dataset") check_dataset_name(config, value, problems);
  }
}

void check_config(const Config& config, Problems& problems) {
  for (const auto& [key, value] : config.trial.entries) {
    check_values(config, key, {value}, problems);
  }
  for (const auto& axis : config.grid) {
    check_values(config, axis.key, axis.values, problems);
    const auto* fixed = config.trial.find(axis.key);
    if (fixed == nullptr) continue;
    problems.push_back({.place = axis.place,
                        .what = "'" + axis.key + "' stands in trial and in grid",
                        .hint = "keep one of them"});
  }
}

/// 0 for a value of another type, which check_values() has complained about.
std::int64_t as_seed(const ConfigNode& node) {
  return node.scalar.is_number_integer() ? node.scalar.get<std::int64_t>() : 0;
}

double as_learning_rate(const ConfigNode& node) {
  return node.scalar.is_number() ? node.scalar.get<double>() : 0;
}

TrialAxis trial_axis(const ConfigAxis& axis) {
  TrialAxis seen = {.length = axis.values.size()};
  for (const auto& value : axis.values) {
    if (axis.key == "seed") seen.seeds.push_back(as_seed(value));
    if (axis.key == "learning_rate") seen.learning_rates.push_back(as_learning_rate(value));
  }
  return seen;
}

GridTrials trials_of(const Config& config) {
  GridTrial fixed;
  if (const auto* seed = config.trial.find("seed")) fixed.seed = as_seed(*seed);
  if (const auto* rate = config.trial.find("learning_rate")) {
    fixed.learning_rate = as_learning_rate(*rate);
  }
  std::vector<TrialAxis> axes(config.grid.size());
  std::ranges::transform(config.grid, axes.begin(), trial_axis);
  return {std::move(axes), fixed};
}

/// Walks once through all axes but those of seeds and learning rates.
std::vector<Combination> combinations_of(const Config& config) {
  std::vector<std::size_t> lengths;
  for (const auto& axis : config.grid)
    lengths.push_back(is_trial_key(axis.key) ? 1 : axis.values.size());
  std::vector<Combination> combinations;
  std::vector<std::size_t> indices(lengths.size(), 0);
  do {
    combinations.push_back({settings_of(config, indices), indices});
  } while (advance(indices, lengths));
  return combinations;
}

/// The part of `path` below `key`, if the key is the path or leads to it.
std::optional<std::string> path_below(const std::string& key, const std::string& path) {
  if (path == key) return "";
  if (path.starts_with(key + ".")) return path.substr(key.size() + 1);
  return std::nullopt;
}

}  // namespace

Grid expand_grid(const Config& config, std::vector<ConfigProblem>& problems) {
  check_config(config, problems);
  Grid grid{.axes = axes_of(config)};
  const bool has_empty_axis =
      std::ranges::any_of(config.grid, [](const auto& axis) { return axis.values.empty(); });
  if (has_empty_axis) return grid;
  grid.combinations = combinations_of(config);
  grid.trials = trials_of(config);
  return grid;
}

GridTrials::GridTrials(std::vector<TrialAxis> axes, GridTrial fixed)
    : axes_(std::move(axes)), fixed_(fixed), size_(1) {
  for (const auto& axis : axes_)
    size_ *= axis.length;
}

GridTrial GridTrials::operator[](std::size_t index) const {
  auto trial = fixed_;
  std::size_t stride = 1;  // between combinations that differ by one step along the axis
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
    const auto step = index % axis->length;
    index /= axis->length;
    if (!axis->seeds.empty()) {
      trial.seed = axis->seeds[step];
    } else if (!axis->learning_rates.empty()) {
      trial.learning_rate = axis->learning_rates[step];
    } else {
      trial.combination += step * stride;
      stride *= axis->length;
    }
  }
  return trial;
}

Place place_of_setting(const Config& config, const Combination& combination,
                       const std::string& path) {
  auto assignments = assignments_of(config, combination.value_indices);
  std::ranges::reverse(assignments);
  for (const auto& [key, value] : assignments) {
    const auto below = path_below(key, path);
    if (!below) continue;
    if (below->empty()) return value->place;
    const auto* dataset = find_dataset(config, key, *value);
    if (dataset != nullptr) return place_of(*dataset, *below);
    return place_of(*value, *below);
  }
  return config.trial.place;
}

results::TrialId identify(const nlohmann::json& settings, int study_version,
                          const GridTrial& trial) {
  return identify(shared_identity(settings, study_version), trial);
}

std::string shared_identity(const nlohmann::json& settings, int study_version) {
  return settings.dump() + '\n' + std::to_string(study_version) + '\n';
}

results::TrialId identify(const std::string& shared_identity, const GridTrial& trial) {
  const auto seed = trial.seed ? std::to_string(*trial.seed) : "null";
  const auto rate = trial.learning_rate ? Json(*trial.learning_rate).dump() : "null";
  const auto text = shared_identity + seed + '\n' + rate;
  return XXH3_64bits(text.data(), text.size());
}

std::vector<std::size_t> value_indices(const std::vector<results::Axis>& axes,
                                       std::size_t trial_index) {
  std::vector<std::size_t> indices(axes.size(), 0);
  for (auto i = axes.size(); i-- > 0;) {
    indices[i] = trial_index % axes[i].values.size();
    trial_index /= axes[i].values.size();
  }
  return indices;
}

std::string label_trial(const std::vector<results::Axis>& axes, std::size_t trial_index) {
  const auto indices = value_indices(axes, trial_index);
  std::string label;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (axes[i].values.size() < 2) continue;
    const auto& value = axes[i].values[indices[i]];
    label += (label.empty() ? "" : " ") + axes[i].name + "=" +
             (value.is_string() ? value.get<std::string>() : value.dump());
  }
  return label;
}

}  // namespace sweep
