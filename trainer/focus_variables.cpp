#include "trainer/focus_variables.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace trainer {
namespace {

using nlohmann::json;

std::string describe(Rule rule) {
  if (rule == Rule::argmax) return "by the segment of largest weight";
  return rule == Rule::mixture ? "by the mixture of probabilities" : "by the blended input";
}

std::string name_of(const MetricInfo& metric, const std::string& split, Rule rule) {
  return split + "_" + metric.name + "_" + to_string(rule);
}

using Declarations = std::map<std::string, protocol::VariableDeclaration>;

/// A curve, and a single value of the end.
void declare_curve(Declarations& variables, const std::string& name, const std::string& units,
                   const std::string& meaning) {
  variables[name] = {.dims = {"epoch"}, .units = units, .long_name = meaning};
  variables["final_" + name] = {.units = units, .long_name = meaning + ", at the end"};
}

void declare_split(Declarations& variables, const std::string& split) {
  const auto declare = [&](const MetricInfo& metric) {
    declare_curve(variables, split + "_" + metric.name, metric.units,
                  std::string(metric.long_name) + ", " + split + " set");
  };
  std::ranges::for_each(kMetrics, declare);
  declare(kPull);
  declare(kLogitGap);
  for (const auto& metric : kRuleMetrics) {
    for (const auto rule : kRules) {
      declare_curve(variables, name_of(metric, split, rule), metric.units,
                    std::string(metric.long_name) + " " + describe(rule) + ", " + split + " set");
    }
  }
}

/// Puts the values of one trial together.
class TrialValues {
 public:
  TrialValues(const PackHistory& history, std::size_t trial, const PackTask& task)
      : trial_(trial),
        diverged_in_(history.diverged_in[trial]),
        has_pull_(task.fixed_focus.has_value()),
        num_entries_(static_cast<std::size_t>(num_epochs(task)) + 1) {}

  void add(const SplitHistory& history, const std::string& split) {
    for (const auto& metric : kMetrics)
      add_own(history, split, metric);
    if (has_pull_) add_own(history, split, kPull);
    for (const auto& [rule, curve_of_rule] : history.by_rule)
      for (const auto& metric : kRuleMetrics)
        values_[name_of(metric, split, rule)] = curve(curve_of_rule, metric);
    for (const auto& [rule, metrics] : history.at_end)
      for (const auto& metric : kRuleMetrics)
        values_["final_" + name_of(metric, split, rule)] = at_end(metrics, metric);
    add_logit_gap(history, split);
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

  /// As long as the training was to be. Nulls follow the last valid entry.
  json curve(const Curve& entries, const MetricInfo& metric) const {
    const auto num_valid = diverged_in_ ? static_cast<std::size_t>(*diverged_in_) : num_entries_;
    json values = json::array();
    for (std::size_t entry = 0; entry < num_entries_; ++entry) {
      values.push_back(entry < num_valid ? json(entries[entry][trial_].*metric.value) : json());
    }
    return values;
  }

  json at_end(const TrialMetrics& metrics, const MetricInfo& metric) const {
    return diverged_in_ ? json() : json(metrics[trial_].*metric.value);
  }

  std::size_t trial_;
  std::optional<int> diverged_in_;
  bool has_pull_;
  std::size_t num_entries_;
  json values_ = json::object();
};

}  // namespace

std::map<std::string, protocol::VariableDeclaration> declare_focus_variables() {
  Declarations variables;
  for (const std::string split : {"train", "test"})
    declare_split(variables, split);
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
  if (task.phases.size() > 1) all["switch_epoch"] = switch_epochs(task);
  return all;
}

}  // namespace trainer
