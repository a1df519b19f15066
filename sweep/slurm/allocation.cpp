#include "sweep/slurm/allocation.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <set>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "sweep/slurm/programs.hpp"

namespace sweep {
namespace {

constexpr std::size_t kMostNodes = 100'000;

/// A whole text as a number >= 0.
std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end || number < 0) return std::nullopt;
  return number;
}

/// Splits at commas that stand outside of brackets: "n[1,3],gpu:2(IDX:0,1)" has two parts.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char letter = i < text.size() ? text[i] : ',';
    if (letter == '[' || letter == '(') ++depth;
    if (letter == ']' || letter == ')') --depth;
    if (letter != ',' || (depth != 0 && i < text.size())) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return parts;
}

/// "07-09" is 07, 08, 09; the first number's width is kept.
std::vector<std::string> expand_range(std::string_view range) {
  const auto dash = std::min(range.find('-'), range.size());
  const auto width = dash;
  const auto first = number_of(range.substr(0, dash));
  const auto last = dash == range.size() ? first : number_of(range.substr(dash + 1));
  std::vector<std::string> numbers;
  if (!first || !last || static_cast<std::size_t>(*last - *first) >= kMostNodes) return numbers;
  for (int i = *first; i <= *last; ++i) {
    auto number = std::to_string(i);
    number.insert(0, width - std::min(width, number.size()), '0');
    numbers.push_back(std::move(number));
  }
  return numbers;
}

/// The names of "r[1-2]n[1-3]"; a part without brackets is its own name.
std::vector<std::string> expand_brackets(std::string_view text) {
  const auto open = text.find('[');
  if (open == std::string_view::npos) {
    const bool is_name = !text.empty() && text.find_first_of("]()") == std::string_view::npos;
    return is_name ? std::vector<std::string>{std::string(text)} : std::vector<std::string>{};
  }
  const auto close = text.find(']', open);
  if (close == std::string_view::npos) return {};
  const bool is_end = close + 1 == text.size();
  const auto tails =
      is_end ? std::vector<std::string>{""} : expand_brackets(text.substr(close + 1));
  std::vector<std::string> names;
  for (const auto range : split(text.substr(open + 1, close - open - 1))) {
    const auto numbers = expand_range(range);
    if (numbers.empty() || names.size() + numbers.size() * tails.size() > kMostNodes) return {};
    for (const auto& number : numbers) {
      for (const auto& tail : tails)
        names.push_back(fmt::format("{}{}{}", text.substr(0, open), number, tail));
    }
  }
  return names;
}

/// Whether the job asked for GPUs, as far as the environment knows.
bool has_gpus() {
  static constexpr std::array kVariables = {"SLURM_JOB_GPUS",      "SLURM_GPUS",
                                            "SLURM_GPUS_ON_NODE",  "SLURM_GPUS_PER_NODE",
                                            "SLURM_GPUS_PER_TASK", "CUDA_VISIBLE_DEVICES"};
  return std::ranges::any_of(kVariables,
                             [](const char* name) { return !environment_variable(name).empty(); });
}

/// GPUs of this node, which is all that the environment knows: SLURM_GPUS_PER_NODE may be "a100:2".
int gpus_of_this_node() {
  const auto per_node = environment_variable("SLURM_GPUS_PER_NODE");
  const auto here = per_node.empty() ? environment_variable("SLURM_GPUS_ON_NODE") : per_node;
  return number_of(std::string_view(here).substr(here.rfind(':') + 1)).value_or(0);
}

void add_gpus(Allocation& allocation) {
  const auto details =
      ask_slurm({"scontrol", "show", "job", "--details", environment_variable("SLURM_JOB_ID")});
  const auto gpus = details ? gpus_by_node(*details) : std::map<std::string, int>();
  for (auto& node : allocation.nodes) {
    const auto found = gpus.find(node.name);
    node.num_gpus = found != gpus.end() ? found->second : details ? 0 : gpus_of_this_node();
  }
}

}  // namespace

std::vector<std::string> expand_node_list(const std::string& text) {
  std::vector<std::string> names;
  for (const auto part : split(text)) {
    const auto more = expand_brackets(part);
    if (more.empty() || names.size() + more.size() > kMostNodes) return {};
    names.insert(names.end(), more.begin(), more.end());
  }
  return names;
}

std::vector<int> expand_counts(const std::string& text) {
  std::vector<int> counts;
  for (const auto part : split(text)) {
    const auto open = std::min(part.find("(x"), part.size());
    const auto count = number_of(part.substr(0, open));
    std::optional<int> times = 1;
    if (open < part.size()) {
      times = part.ends_with(")") ? number_of(part.substr(open + 2, part.size() - open - 3))
                                  : std::nullopt;
    }
    if (!count || !times || counts.size() + static_cast<std::size_t>(*times) > kMostNodes) {
      return {};
    }
    counts.insert(counts.end(), static_cast<std::size_t>(*times), *count);
  }
  return counts;
}

int count_gpus(std::string_view resources) {
  int count = 0;
  for (const auto resource : split(resources)) {
    if (!resource.starts_with("gpu:")) continue;
    const auto name = resource.substr(0, resource.find('('));
    count += number_of(name.substr(name.rfind(':') + 1)).value_or(0);
  }
  return count;
}

std::map<std::string, int> gpus_by_node(const std::string& job_details) {
  std::map<std::string, int> gpus;
  std::istringstream lines(job_details);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string nodes;
    std::string resources;
    for (std::string field; fields >> field;) {
      if (field.starts_with("Nodes=")) nodes = field.substr(6);
      if (field.starts_with("GRES=")) resources = field.substr(5);
    }
    for (const auto& node : expand_node_list(nodes))
      gpus[node] = count_gpus(resources);
  }
  return gpus;
}

std::optional<Allocation> slurm_allocation() {
  if (environment_variable("SLURM_JOB_ID").empty()) return std::nullopt;
  const auto names = expand_node_list(environment_variable("SLURM_JOB_NODELIST"));
  auto cores = expand_counts(environment_variable("SLURM_JOB_CPUS_PER_NODE"));
  if (cores.empty()) cores = expand_counts(environment_variable("SLURM_TASKS_PER_NODE"));
  if (names.empty() || names.size() != cores.size()) return std::nullopt;
  const int most_tasks = number_of(environment_variable("SLURM_NTASKS_PER_NODE"))
                             .value_or(std::numeric_limits<int>::max());
  Allocation allocation;
  for (std::size_t i = 0; i < names.size(); ++i) {
    allocation.nodes.push_back(
        {.name = names[i], .num_cores = std::max(1, std::min(cores[i], most_tasks))});
  }
  if (has_gpus()) add_gpus(allocation);
  return allocation;
}

std::vector<NodeRanks> place_ranks(const Allocation& allocation, bool may_use_gpus,
                                   std::optional<int> num_ranks) {
  const bool uses_gpus =
      may_use_gpus &&
      std::ranges::any_of(allocation.nodes, [](const auto& node) { return node.num_gpus > 0; });
  std::vector<NodeRanks> shares;
  for (const auto& node : allocation.nodes) {
    const int share = uses_gpus ? node.num_gpus : node.num_cores;
    if (share > 0) shares.push_back({.node = node.name, .num_ranks = share});
  }
  if (!num_ranks || shares.empty()) return shares;
  const int in_a_round = std::max(1, count_ranks(shares));
  const int num_rounds = *num_ranks / in_a_round;
  int left = *num_ranks % in_a_round;
  auto places = shares;
  for (auto& place : places) {
    const int more = std::min(left, place.num_ranks);
    left -= more;
    place.num_ranks = num_rounds * place.num_ranks + more;
  }
  std::erase_if(places, [](const auto& place) { return place.num_ranks == 0; });
  return places;
}

int count_ranks(const std::vector<NodeRanks>& places) {
  return std::accumulate(places.begin(), places.end(), 0,
                         [](int sum, const auto& place) { return sum + place.num_ranks; });
}

std::map<std::string, std::string> launch_variables(const Allocation& allocation,
                                                    const std::vector<NodeRanks>& places) {
  std::vector<int> slots;
  std::set<int> gpus;
  for (const auto& node : allocation.nodes) {
    const auto place = std::ranges::find(places, node.name, &NodeRanks::node);
    const bool is_left_out = place == places.end();
    slots.push_back(is_left_out ? 1 : place->num_ranks);
    if (!is_left_out) gpus.insert(node.num_gpus);
  }
  std::map<std::string, std::string> variables = {
      {"SLURM_TASKS_PER_NODE", fmt::format("{}", fmt::join(slots, ","))}};
  const bool has_same_gpus = gpus.size() == 1 && *gpus.begin() > 0;
  if (has_same_gpus && !environment_variable("SLURM_GPUS_PER_TASK").empty()) {
    variables["SLURM_GPUS_PER_TASK"] = "";
    variables["SLURM_GPUS_PER_NODE"] = std::to_string(*gpus.begin());
  }
  return variables;
}

std::string to_host_list(const std::vector<NodeRanks>& places) {
  std::string list;
  for (const auto& place : places) {
    list += (list.empty() ? "" : ",") + place.node + ":" + std::to_string(place.num_ranks);
  }
  return list;
}

}  // namespace sweep
