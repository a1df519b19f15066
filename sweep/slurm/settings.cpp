#include "sweep/slurm/settings.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "protocol/suggestion.hpp"

namespace sweep {
namespace {

/// Reads one setting after the other.
class Reader {
 public:
  Reader(std::string prefix, std::vector<ConfigProblem>& problems)
      : prefix_(std::move(prefix)), problems_(problems) {}

  SlurmSettings read(const ConfigNode& map) {
    SlurmSettings settings;
    using Read = std::function<void(const ConfigNode&)>;
    const std::map<std::string, Read> readers = {
        {"nodes", [&](auto& node) { settings.nodes = count_of(node, 1); }},
        {"gpus_per_node", [&](auto& node) { settings.gpus_per_node = count_of(node, 0); }},
        {"tasks_per_node", [&](auto& node) { settings.tasks_per_node = count_of(node, 1); }},
        {"time", [&](auto& node) { settings.time = text_of(node); }},
        {"partition", [&](auto& node) { settings.partition = text_of(node); }},
        {"account", [&](auto& node) { settings.account = text_of(node); }},
        {"launcher", [&](auto& node) { settings.launcher = launcher_of(node); }},
        {"modules", [&](auto& node) { settings.modules = texts_of(node); }},
        {"extra", [&](auto& node) { settings.extra = texts_of(node); }}};
    std::vector<std::string> known(readers.size());
    std::ranges::transform(readers, known.begin(), [](const auto& entry) { return entry.first; });
    for (const auto& [key, value] : map.entries) {
      const auto reader = readers.find(key);
      key_ = key;
      if (reader != readers.end()) {
        reader->second(value);
      } else {
        complain(value, "unknown key '" + prefix_ + key + "'", protocol::suggest_name(key, known));
      }
    }
    return settings;
  }

 private:
  void complain(const ConfigNode& node, const std::string& what, const std::string& hint) {
    problems_.push_back({.place = node.place, .what = what, .hint = hint});
  }

  void refuse(const ConfigNode& node, const std::string& wanted) {
    complain(
        node,
        fmt::format("{}{} is {}", prefix_, key_, node.text.empty() ? kind_of(node) : node.text),
        "want " + wanted);
  }

  std::optional<int> count_of(const ConfigNode& node, int least) {
    constexpr int kMost = 1'000'000;
    const auto value = node.scalar.is_number_integer() ? node.scalar.get<std::int64_t>() : -1;
    if (value >= least && value <= kMost) return static_cast<int>(value);
    refuse(node, fmt::format("a whole number, at least {}", least));
    return std::nullopt;
  }

  std::string text_of(const ConfigNode& node) {
    const bool is_text = node.kind == ConfigNode::Kind::scalar && !node.text.empty();
    const bool is_a_line = node.text.find('\n') == std::string::npos;
    if (is_text && is_a_line) return node.text;
    refuse(node, "a line of text");
    return {};
  }

  /// One text, or a list of them.
  std::vector<std::string> texts_of(const ConfigNode& node) {
    std::vector<std::string> texts;
    if (!node.is_list()) return {text_of(node)};
    for (const auto& item : node.items)
      texts.push_back(text_of(item));
    return texts;
  }

  std::optional<Launcher> launcher_of(const ConfigNode& node) {
    if (node.text == "mpirun") return Launcher::mpirun;
    if (node.text == "srun") return Launcher::srun;
    refuse(node, "mpirun or srun");
    return std::nullopt;
  }

  std::string prefix_;
  std::vector<ConfigProblem>& problems_;
  std::string key_ = {};  // of the setting that is being read
};

template <class Value>
void fill(std::optional<Value>& setting, const std::optional<Value>& other) {
  if (!setting) setting = other;
}

void fill(std::string& setting, const std::string& other) {
  if (setting.empty()) setting = other;
}

void precede(std::vector<std::string>& list, const std::vector<std::string>& others) {
  list.insert(list.begin(), others.begin(), others.end());
}

}  // namespace

SlurmSettings read_slurm_settings(const ConfigNode& map, const std::string& prefix,
                                  std::vector<ConfigProblem>& problems) {
  return Reader(prefix, problems).read(map);
}

SlurmSettings join(SlurmSettings first, const SlurmSettings& then) {
  fill(first.nodes, then.nodes);
  fill(first.gpus_per_node, then.gpus_per_node);
  fill(first.tasks_per_node, then.tasks_per_node);
  fill(first.time, then.time);
  fill(first.partition, then.partition);
  fill(first.account, then.account);
  fill(first.launcher, then.launcher);
  precede(first.modules, then.modules);
  precede(first.extra, then.extra);
  return first;
}

}  // namespace sweep
