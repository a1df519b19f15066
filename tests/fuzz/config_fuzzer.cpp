/// A config's text. Lines "#--set key=value" are comments to YAML and overrides to us.
#include <algorithm>
#include <numeric>
#include <sstream>

#include "sweep/config.hpp"
#include "sweep/grid.hpp"
#include "tests/fuzz/fuzzer.hpp"
#include "tests/temporary_folder.hpp"

namespace {

using fuzz::require;

constexpr std::size_t kMostTrials = 10'000;  // that are expanded; more are legal, but slow
constexpr std::size_t kMostDigits = 4;       // of an axis "0..9999"

std::vector<std::string> overrides_in(const std::string& text) {
  constexpr std::string_view kPrefix = "#--set ";
  std::vector<std::string> overrides;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kPrefix)) overrides.push_back(line.substr(kPrefix.size()));
  }
  return overrides;
}

/// Whether a range may stand there that is legal and takes a second to expand.
bool may_be_slow(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  for (auto dots = text.find(".."); dots != text.npos; dots = text.find("..", dots + 2)) {
    const auto line = text.substr(0, text.find('\n', dots));
    const auto before = line.substr(0, dots);
    const auto after = line.substr(dots);
    if (std::ranges::count_if(after, is_digit) > static_cast<long>(kMostDigits)) return true;
    const auto start = before.find_last_of("\n[,");
    const auto first = start == before.npos ? before : before.substr(start);
    if (std::ranges::count_if(first, is_digit) > static_cast<long>(kMostDigits)) return true;
  }
  return false;
}

void check_problems(const std::vector<sweep::ConfigProblem>& problems) {
  for (const auto& problem : problems) {
    require(!problem.what.empty(), "a problem says what is wrong");
    require(problem.place.line > 0 || !problem.place.set.empty(), "a problem says where it is");
  }
  const auto text = sweep::describe(problems, "a.yaml");
  require(std::ranges::count(text, '\n') == std::ssize(problems), "a problem is one line");
}

std::size_t num_points(const sweep::Config& config) {
  std::size_t count = 1;
  for (const auto& axis : config.grid)
    count = std::min(count * axis.values.size(), kMostTrials + 1);
  return count;
}

void check_grid(const sweep::Config& config, const sweep::Grid& grid) {
  require(grid.trials.size() == num_points(config), "the grid is the product of its axes");
  for (std::size_t i = 0; i < grid.trials.size(); ++i) {
    const auto& trial = grid.trials[i];
    require(trial.combination < grid.combinations.size(), "a trial has a combination");
    const auto& combination = grid.combinations[trial.combination];
    (void)sweep::identify(combination.settings, /*study_version=*/1, trial);
    (void)sweep::label_trial(grid.axes, i);
    for (const auto& [key, value] : combination.settings.items())
      (void)sweep::place_of_setting(config, combination, key);
  }
}

}  // namespace

void fuzz::try_input(std::string_view input) {
  static const TemporaryFolder folder;
  if (may_be_slow(input)) return;
  const std::string text(input);
  std::vector<sweep::ConfigProblem> problems;
  const auto config =
      sweep::read_config(folder.write("a.yaml", text), overrides_in(text), problems);
  require(config.text == text, "the text is kept as it was read");
  if (num_points(config) <= kMostTrials) {
    const auto grid = sweep::expand_grid(config, problems);
    if (problems.empty()) check_grid(config, grid);
  }
  check_problems(problems);
}
