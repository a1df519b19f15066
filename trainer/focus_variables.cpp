#include "trainer/focus_variables.hpp"

#include <array>

namespace trainer {
namespace {

using nlohmann::json;

/// What is stored under each of the three rules at the end.
constexpr std::array kRuleMetrics = {
    MetricInfo{"accuracy", "1", "fraction predicted right", &Metrics::accuracy},
    MetricInfo{"ftpt", "1", "fraction with focus true, prediction true", &Metrics::ftpt}};

std::string describe(Rule rule) {
  if (rule == Rule::argmax) return "by the segment of largest weight";
  return rule == Rule::mixture ? "by the mixture of probabilities" : "by the blended input";
}

std::string final_name(const MetricInfo& metric, Rule rule) {
  return std::string("final_test_") + metric.name + "_" + to_string(rule);
}

/// One trial's curve of one metric, `num_entries` long. Nulls follow its last valid entry.
json curve(const Curve& entries, const MetricInfo& metric, std::size_t trial, std::size_t num_valid,
           std::size_t num_entries) {
  json values = json::array();
  for (std::size_t entry = 0; entry < num_entries; ++entry) {
    values.push_back(entry < num_valid ? json(entries[entry][trial].*metric.value) : json());
  }
  return values;
}

}  // namespace

std::map<std::string, protocol::VariableDeclaration> declare_focus_variables() {
  std::map<std::string, protocol::VariableDeclaration> variables;
  for (const std::string split : {"train", "test"}) {
    for (const auto& metric : kMetrics) {
      const auto name = split + "_" + metric.name;
      const auto meaning = std::string(metric.long_name) + ", " + split + " set";
      variables[name] = {.dims = {"epoch"}, .units = metric.units, .long_name = meaning};
      variables["final_" + name] = {.units = metric.units, .long_name = meaning + ", at the end"};
    }
  }
  for (const auto& metric : kRuleMetrics) {
    for (const auto rule : kRules) {
      variables[final_name(metric, rule)] = {
          .units = metric.units,
          .long_name =
              std::string(metric.long_name) + " " + describe(rule) + ", test set, at the end"};
    }
  }
  variables["switch_epoch"] = {
      .dims = {"switch"}, .units = "1", .long_name = "epochs completed where the next phase began"};
  return variables;
}

std::vector<std::string> focus_headline() {
  return {"final_test_accuracy",  "final_test_focus_weight",  "final_test_loss",
          "final_train_accuracy", "final_train_focus_weight", "final_train_loss"};
}

nlohmann::json focus_values(const PackHistory& history, std::size_t trial, const PackTask& task) {
  const auto num_entries = static_cast<std::size_t>(num_epochs(task)) + 1;
  const auto diverged_in = history.diverged_in[trial];
  const auto num_valid = diverged_in ? static_cast<std::size_t>(*diverged_in) : num_entries;
  json values = json::object();
  const auto add_split = [&](const std::string& split, const Curve& entries) {
    for (const auto& metric : kMetrics) {
      const auto name = split + "_" + metric.name;
      values[name] = curve(entries, metric, trial, num_valid, num_entries);
      values["final_" + name] = values[name].back();
    }
  };
  if (task.phases.size() > 1) values["switch_epoch"] = switch_epochs(task);
  add_split("train", history.train.own);
  if (history.test.own.empty()) return values;
  add_split("test", history.test.own);
  for (const auto& metric : kRuleMetrics) {
    for (const auto& [rule, metrics] : history.test.at_end) {
      values[final_name(metric, rule)] = diverged_in ? json() : json(metrics[trial].*metric.value);
    }
  }
  return values;
}

}  // namespace trainer
