#include "trainer/focus_variables.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace trainer {
namespace {

using nlohmann::json;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string describe(Rule rule) {
  if (rule == Rule::argmax) return "by the segment of largest weight";
  return rule == Rule::mixture ? "by the mixture of probabilities" : "by the blended input";
}

std::string name_of(const MetricInfo& metric, const std::string& split, Rule rule) {
  return split + "_" + metric.name + "_" + to_string(rule);
}

std::string heat_map_of(const std::string& split) {
  return "final_" + split + "_focus_heatmap";
}

std::string heat_map_of(const std::string& split, Rule rule) {
  return heat_map_of(split) + "_" + to_string(rule);
}

constexpr const char* kHeatMap = "focus_heatmap";  // the one to look at first
constexpr const char* kDataRange = "_data_range";  // in the names of what has edges of its own

std::string focus_edges_of(const std::string& split) {
  return "final_" + split + "_focus_edges" + kDataRange;
}

std::string score_edges_of(const std::string& split, Rule rule) {
  return "final_" + split + "_score_edges_" + to_string(rule) + kDataRange;
}

using Declarations = std::map<std::string, protocol::VariableDeclaration>;

/// A curve, and a single value of the end.
void declare_curve(Declarations& variables, const std::string& name, const std::string& units,
                   const std::string& meaning) {
  variables[name] = {.dims = {"epoch"}, .units = units, .long_name = meaning};
  variables["final_" + name] = {.units = units, .long_name = meaning + ", at the end"};
}

void declare_heat_maps(Declarations& variables, const std::string& split) {
  const auto set = ", " + split + " set, at the end";
  const auto declare_map = [&](const std::string& name, const std::string& meaning) {
    variables[name] = {.dims = {"focus_bin", "score_bin"},
                       .long_name =
                           "fraction of the inputs with a foreground by weight on it and "
                           "probability of the label " +
                           meaning + set};
  };
  const auto declare_edges = [&](const std::string& name, const std::string& meaning) {
    variables[name] = {.dims = {"edge"}, .long_name = "edges of the bins of " + meaning + set};
  };
  declare_map(heat_map_of(split), "by the loss's own rule");
  declare_edges(focus_edges_of(split), "weight on the foreground");
  for (const auto rule : kRules) {
    declare_map(heat_map_of(split, rule), describe(rule));
    declare_map(heat_map_of(split, rule) + kDataRange, describe(rule) + ", over their range");
    declare_edges(score_edges_of(split, rule), "probability of the label " + describe(rule));
  }
}

void declare_split(Declarations& variables, const std::string& split) {
  const auto declare = [&](const MetricInfo& metric) {
    declare_curve(variables, split + "_" + metric.name, metric.units,
                  std::string(metric.long_name) + ", " + split + " set");
  };
  std::ranges::for_each(kMetrics, declare);
  declare(kScoreGap);
  declare(kPull);
  declare(kLogitGap);
  for (const auto& metric : kRuleMetrics) {
    for (const auto rule : kRules) {
      declare_curve(variables, name_of(metric, split, rule), metric.units,
                    std::string(metric.long_name) + " " + describe(rule) + ", " + split + " set");
    }
  }
  declare_heat_maps(variables, split);
}

json number(double value) {
  return std::isnan(value) ? json() : json(value);
}

/// Nested lists of the first values of `next`, which moves on; null where there is no number.
json to_lists(torch::IntArrayRef sizes, const double*& next) {
  if (sizes.empty()) return number(*next++);
  json list = json::array();
  for (std::int64_t i = 0; i < sizes.front(); ++i)
    list.push_back(to_lists(sizes.slice(1), next));
  return list;
}

json to_json(const torch::Tensor& tensor) {
  const auto values = tensor.to(torch::kCPU, torch::kDouble).contiguous();
  const auto* next = values.const_data_ptr<double>();
  return to_lists(values.sizes(), next);
}

/// Puts the values of one trial together.
class TrialValues {
 public:
  TrialValues(const PackHistory& history, std::size_t trial, const PackTask& task)
      : trial_(trial),
        diverged_in_(history.diverged_in[trial]),
        has_fixed_focus_(task.model.fixed_focus.has_value()),
        num_entries_(static_cast<std::size_t>(num_epochs(task.phases)) + 1),
        own_rule_(task.phases.back().loss.rule) {}

  void add(const SplitHistory& history, const std::string& split) {
    for (const auto& metric : kMetrics)
      add_own(history, split, metric);
    add_own(history, split, has_fixed_focus_ ? kPull : kScoreGap);
    for (const auto& [rule, curve_of_rule] : history.by_rule)
      for (const auto& metric : kRuleMetrics)
        values_[name_of(metric, split, rule)] = curve(curve_of_rule, metric);
    for (const auto& [rule, metrics] : history.at_end)
      for (const auto& metric : kRuleMetrics)
        values_["final_" + name_of(metric, split, rule)] = at_end(metrics, metric);
    add_logit_gap(history, split);
    if (!has_fixed_focus_) add_heat_maps(history.heat_maps, split);
  }

  json take() { return std::move(values_); }

 private:
  void add_own(const SplitHistory& history, const std::string& split, const MetricInfo& metric) {
    const auto name = split + "_" + metric.name;
    values_[name] = curve(history.own, metric);
    values_["final_" + name] = values_[name].back();
  }

  void add_logit_gap(const SplitHistory& history, const std::string& split) {
    const auto name = split + "_" + kLogitGap.name;
    if (!history.by_rule.empty()) values_[name] = curve(history.own, kLogitGap);
    values_["final_" + name] = at_end(history.at_end.begin()->second, kLogitGap);
  }

  void add_heat_maps(const HeatMaps& maps, const std::string& split) {
    values_[focus_edges_of(split)] = numbers(maps.focus_edges);
    for (const auto& [rule, of_rule] : maps.by_rule) {
      values_[heat_map_of(split, rule)] = numbers(of_rule.fixed);
      values_[heat_map_of(split, rule) + kDataRange] = numbers(of_rule.data_range);
      values_[score_edges_of(split, rule)] = numbers(of_rule.score_edges);
    }
    values_[heat_map_of(split)] = values_[heat_map_of(split, own_rule_)];
  }

  /// Shapes: of_trials [T, ...]
  json numbers(const torch::Tensor& of_trials) const {
    const auto of_trial = of_trials[static_cast<std::int64_t>(trial_)];
    return to_json(diverged_in_ ? torch::full_like(of_trial, kNan) : of_trial);
  }

  /// As long as the training was to be. Nulls follow the last valid entry.
  json curve(const Curve& entries, const MetricInfo& metric) const {
    const auto num_valid = diverged_in_ ? static_cast<std::size_t>(*diverged_in_) : num_entries_;
    json values = json::array();
    for (std::size_t entry = 0; entry < num_entries_; ++entry) {
      values.push_back(entry < num_valid ? number(entries[entry][trial_].*metric.value) : json());
    }
    return values;
  }

  json at_end(const TrialMetrics& metrics, const MetricInfo& metric) const {
    return diverged_in_ ? json() : number(metrics[trial_].*metric.value);
  }

  std::size_t trial_;
  std::optional<int> diverged_in_;
  bool has_fixed_focus_;
  std::size_t num_entries_;
  Rule own_rule_;  // at the end
  json values_ = json::object();
};

}  // namespace

std::map<std::string, protocol::VariableDeclaration> declare_focus_variables() {
  Declarations variables;
  for (const std::string split : {"train", "test"})
    declare_split(variables, split);
  variables[kHeatMap] = {
      .dims = {"focus_bin", "score_bin"},
      .long_name = "final_test_focus_heatmap, or final_train_focus_heatmap without a test set"};
  variables["switch_epoch"] = {
      .dims = {"switch"}, .units = "1", .long_name = "epochs completed where the next phase began"};
  return variables;
}

std::vector<std::string> focus_headline() {
  return {"final_test_accuracy",  "final_test_focus_weight",  "final_test_loss",
          "final_train_accuracy", "final_train_focus_weight", "final_train_loss"};
}

nlohmann::json focus_values(const PackHistory& history, std::size_t trial, const PackTask& task) {
  TrialValues values(history, trial, task);
  values.add(history.train, "train");
  if (task.test) values.add(history.test, "test");
  auto all = values.take();
  const auto heat_map = heat_map_of(task.test ? "test" : "train");
  if (all.contains(heat_map)) all[kHeatMap] = all[heat_map];
  if (task.phases.size() > 1) all["switch_epoch"] = switch_epochs(task);
  return all;
}

}  // namespace trainer
