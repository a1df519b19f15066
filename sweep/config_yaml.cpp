#include "sweep/config_yaml.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "sweep/config_text.hpp"

namespace sweep {
namespace {

constexpr std::size_t kMostNodes = 100'000;  // of a document, copies by aliases included
constexpr std::size_t kDeepest = 50;         // lists and maps inside each other
constexpr std::size_t kMostKeys = 1000;      // of a map
constexpr int kMostPunctuation = 300'000;    // brackets and commas

using Problems = std::vector<ConfigProblem>;

/// Builds a tree from yaml-cpp's events. The events, unlike yaml-cpp's own tree, show duplicate
/// keys and aliases, whose copies are counted.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(Place start, Problems& problems) : start_(std::move(start)), problems_(problems) {}

  ConfigNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add({.place = place_of_mark(mark)}, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      throw UnreadableConfig(place_of_mark(mark), "an alias stands inside its own anchor");
    }
    count_nodes(count_of(known->second), mark);
    add(known->second, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    add(make_scalar(mark, value, /*is_plain=*/tag == "?"), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open({.kind = ConfigNode::Kind::list, .place = place_of_mark(mark)}, anchor, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open({.kind = ConfigNode::Kind::map, .place = place_of_mark(mark)}, anchor, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  /// A list or map whose end has not come yet.
  struct Open {
    ConfigNode node = {};
    YAML::anchor_t anchor = 0;
    std::optional<ConfigNode> key = {};  // of a map, until its value comes
    std::map<std::string, Place> keys = {};
  };

  Place place_of_mark(const YAML::Mark& mark) const {
    return start_.set.empty() ? Place{.line = mark.line + 1} : start_;
  }

  static std::size_t count_of(const ConfigNode& node) {
    std::size_t count = 1;
    for (const auto& item : node.items)
      count += count_of(item);
    for (const auto& [key, value] : node.entries)
      count += count_of(value);
    return count;
  }

  void count_nodes(std::size_t more, const YAML::Mark& mark) {
    num_nodes_ += more;
    if (num_nodes_ > kMostNodes) {
      throw UnreadableConfig(place_of_mark(mark), "the config has more than 100,000 values");
    }
  }

  ConfigNode make_scalar(const YAML::Mark& mark, const std::string& value, bool is_plain) {
    count_nodes(1, mark);
    ConfigNode node{.place = place_of_mark(mark)};
    try {
      node.text = expand_environment(value);
    } catch (const std::invalid_argument& unset) {
      const std::string name = unset.what();
      complain({.place = node.place,
                .what = "the environment variable '" + name + "' is not set",
                .hint = "set it, or write ${" + name + ":-default}"});
    }
    node.scalar = is_plain ? parse_scalar(node.text) : nlohmann::json(node.text);
    return node;
  }

  /// Goes on for a while, so that all is told at once.
  void complain(ConfigProblem problem) {
    if (problems_.size() >= kMostProblems) {
      throw UnreadableConfig(problem.place, "there are too many problems to read on");
    }
    problems_.push_back(std::move(problem));
  }

  void open(ConfigNode node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    count_nodes(1, mark);
    if (open_.size() >= kDeepest) {
      throw UnreadableConfig(node.place, "lists and maps stand inside each other too deeply");
    }
    open_.push_back({.node = std::move(node), .anchor = anchor});
  }

  void close() {
    auto closed = std::move(open_.back());
    open_.pop_back();
    add(std::move(closed.node), closed.anchor);
  }

  void add(ConfigNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& parent = open_.back();
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      add_entry(parent, std::move(node));
    }
  }

  void add_entry(Open& map, ConfigNode value) {
    const auto key = *std::exchange(map.key, std::nullopt);
    if (key.kind != ConfigNode::Kind::scalar || key.text.empty()) {
      throw UnreadableConfig(key.place, "a key is " + kind_of(key));
    }
    const auto [first, is_new] = map.keys.try_emplace(key.text, key.place);
    if (!is_new) {
      complain({.place = key.place,
                .what = "key '" + key.text + "' stands here a second time",
                .hint = "the first is in line " + std::to_string(first->second.line)});
      return;
    }
    if (map.keys.size() > kMostKeys) {
      throw UnreadableConfig(key.place, "a map has more than 1000 keys");
    }
    value.place = key.place;
    map.node.entries.emplace_back(key.text, std::move(value));
  }

  Place start_;
  Problems& problems_;
  ConfigNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, ConfigNode> anchors_;
  std::size_t num_nodes_ = 0;
};

bool is_utf8(const std::string& text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::ranges::all_of(text, is_ascii)) return true;
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

/// The first line of a text that is_utf8() refuses.
int line_of_foreign_bytes(const std::string& text) {
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!is_utf8(line)) break;
  }
  return number;
}

/// yaml-cpp looks ahead over brackets and commas and keeps up to 250 bytes for each.
void check_punctuation(const std::string& text) {
  int line = 1;
  int count = 0;
  for (const char c : text) {
    if (c == '\n') ++line;
    if (c == '[' || c == '{' || c == ',') ++count;
    if (count <= kMostPunctuation) continue;
    throw UnreadableConfig({.line = line}, "the config has more than 300,000 brackets and commas");
  }
}

/// Throws: UnreadableConfig if the text cannot be a config whatever stands in it.
void check_text(const std::string& text) {
  if (text.size() > kMostConfigBytes) throw UnreadableConfig({}, "the config is larger than 4 MB");
  const auto nul = text.find('\0');
  if (nul != std::string::npos) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(nul), '\n');
    throw UnreadableConfig({.line = static_cast<int>(line)}, "the config has a NUL byte");
  }
  if (!is_utf8(text)) {
    throw UnreadableConfig({.line = line_of_foreign_bytes(text)}, "the config is not UTF-8 text");
  }
  check_punctuation(text);
}

}  // namespace

ConfigNode parse_yaml(const std::string& text, const Place& start,
                      std::vector<ConfigProblem>& problems) {
  check_text(text);
  TreeBuilder builder(start, problems);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    return builder.take_root();
  } catch (const YAML::Exception& error) {
    const auto line = start.set.empty() ? Place{.line = error.mark.line + 1} : start;
    throw UnreadableConfig(line, "not valid YAML (" + error.msg + ")");
  }
}

}  // namespace sweep
