#include "results/summary_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "protocol/suggestion.hpp"
#include "results/axis_values.hpp"

namespace results {
namespace {

constexpr std::size_t kMostHeadlines = 3;
constexpr std::string_view kFinalPrefix = "final_";
constexpr int kMostDecimals = 6;
constexpr double kLargestPlain = 1e6;  // larger means are written with an exponent
constexpr int kMeanDigits = 4;
constexpr int kIntervalDigits = 2;

using protocol::Outcome;

std::vector<std::string> axis_names(const PlanRecord& plan) {
  std::vector<std::string> names;
  for (const auto& axis : plan.axes)
    names.push_back(axis.name);
  return names;
}

std::vector<std::string> scalar_names(const PlanRecord& plan) {
  std::vector<std::string> names;
  for (const auto& [name, variable] : plan.variables) {
    if (variable.dims.empty()) names.push_back(name);
  }
  return names;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

[[noreturn]] void refuse(const std::string& what, const std::string& name,
                         const std::vector<std::string>& known) {
  throw std::invalid_argument("there is no " + what + " '" + name + "', " +
                              protocol::suggest_name(name, known));
}

void refuse_array(const PlanRecord& plan, const std::string& name) {
  const auto variable = plan.variables.find(name);
  if (variable == plan.variables.end() || variable->second.dims.empty()) return;
  throw std::invalid_argument("variable '" + name +
                              "' has several values in a trial, they are in results.h5 and in "
                              "export --format json");
}

/// The axes that differ between trials, but for some.
std::vector<std::string> axes_except(const PlanRecord& plan, const std::vector<std::string>& left) {
  std::vector<std::string> names;
  for (const auto& axis : plan.axes) {
    if (axis.values.size() > 1 && !contains(left, axis.name)) names.push_back(axis.name);
  }
  return names;
}

std::vector<std::size_t> positions_of(const PlanRecord& plan, const std::vector<std::string>& by) {
  const auto names = axis_names(plan);
  std::vector<std::size_t> positions;
  for (const auto& name : by) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end()) refuse("axis", name, names);
    positions.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  return positions;
}

bool has_any_value(const SweepResults& sweep, const std::string& variable) {
  const auto* column = sweep.find_column(variable);
  return column != nullptr && std::ranges::any_of(sweep.plan.ids, [&](TrialId id) {
           const auto* trial = sweep.find(id);
           return trial != nullptr && !std::isnan(column->number(trial->row));
         });
}

/// The study's first headline variables that have values, or else its first scalars that do.
std::vector<std::string> default_metrics(const SweepResults& sweep) {
  std::vector<std::string> metrics;
  const auto scalars = scalar_names(sweep.plan);
  for (const auto& candidates : {sweep.plan.headline, scalars}) {
    if (!metrics.empty()) return metrics;
    for (const auto& name : candidates) {
      const bool is_shown = contains(scalars, name) && has_any_value(sweep, name);
      if (is_shown && metrics.size() < kMostHeadlines) metrics.push_back(name);
    }
  }
  return metrics;
}

std::vector<std::string> checked_metrics(const PlanRecord& plan,
                                         const std::vector<std::string>& wanted) {
  const auto scalars = scalar_names(plan);
  std::vector<std::string> metrics;
  for (const auto& name : wanted) {
    const auto final_name = std::string(kFinalPrefix) + name;
    const bool is_short = !contains(scalars, name) && contains(scalars, final_name);
    metrics.push_back(is_short ? final_name : name);
    if (!is_short) refuse_array(plan, name);
    if (!contains(scalars, metrics.back())) refuse("variable", name, scalars);
  }
  return metrics;
}

/// The trials of one row, with the numbers that finished ones reported.
struct RowTrials {
  SummaryRow row = {};
  std::vector<std::vector<double>> numbers = {};  ///< per metric
};

void add_trial(RowTrials& trials, const SweepResults& sweep, const TrialEnd* trial,
               const std::vector<std::string>& metrics) {
  auto& row = trials.row;
  ++row.num_trials;
  if (trial == nullptr) {
    ++row.num_pending;
    return;
  }
  if (trial->status == Outcome::failed) ++row.num_failed;
  if (trial->status == Outcome::diverged) ++row.num_diverged;
  if (trial->status != Outcome::finished) return;
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const auto* column = sweep.find_column(metrics[i]);
    if (column != nullptr) trials.numbers[i].push_back(column->number(trial->row));
  }
}

/// Rows in the order in which the grid meets them.
std::vector<RowTrials> collect_rows(const SweepResults& sweep, const std::vector<std::size_t>& axes,
                                    const std::vector<std::string>& metrics) {
  std::vector<RowTrials> rows;
  std::map<std::vector<std::size_t>, std::size_t> positions;
  for (std::size_t i = 0; i < sweep.plan.ids.size(); ++i) {
    std::vector<std::size_t> key(axes.size());
    std::ranges::transform(axes, key.begin(), [&sweep, i](std::size_t axis) {
      return value_index(sweep.plan.axes, axis, i);
    });
    const auto [place, is_new] = positions.try_emplace(key, rows.size());
    if (is_new) {
      auto& row = rows.emplace_back();
      row.numbers.resize(metrics.size());
      for (const auto axis : axes)
        row.row.keys.push_back(value_text(sweep.axis_value(axis, i)));
    }
    add_trial(rows[place->second], sweep, sweep.find(sweep.plan.ids[i]), metrics);
  }
  return rows;
}

bool is_better_small(const PlanRecord& plan, const std::string& metric) {
  return metric.find("loss") != std::string::npos || plan.variables.at(metric).units == "nat";
}

void keep_best(SummaryTable& table, const PlanRecord& plan, int count) {
  if (table.metrics.empty()) return;
  const double sign = is_better_small(plan, table.metrics.front()) ? 1 : -1;
  std::ranges::stable_sort(table.rows, {}, [sign](const SummaryRow& row) {
    const double mean = row.values.front().mean;
    return std::isnan(mean) ? std::numeric_limits<double>::infinity() : sign * mean;
  });
  if (table.rows.size() > static_cast<std::size_t>(count)) {
    table.rows.resize(static_cast<std::size_t>(count));
  }
}

/// The decimals that show two digits of an interval, or three of a mean without one. Nothing if
/// these would make a number too long to read.
std::optional<int> decimals_for(const Summary& summary) {
  const bool has_interval = summary.half_width > 0;
  const double size = has_interval ? summary.half_width : std::abs(summary.mean);
  if (size == 0) return 1;
  const int decimals = (has_interval ? 1 : 2) - static_cast<int>(std::floor(std::log10(size)));
  const bool is_readable = decimals <= kMostDecimals && std::abs(summary.mean) < kLargestPlain;
  return is_readable ? std::optional(std::max(decimals, 0)) : std::nullopt;
}

/// "0.971 ± 0.012", "1.23e-09 ± 4.5e-11", "0.971" without an interval, "-" without a value.
std::string text_of(const Summary& summary) {
  if (summary.count == 0) return "-";
  const auto decimals = decimals_for(summary);
  const auto number = [decimals](double value, int digits) {
    return decimals ? fmt::format("{:.{}f}", value, *decimals)
                    : fmt::format("{:.{}g}", value, digits);
  };
  const auto mean = number(summary.mean, kMeanDigits);
  return summary.count == 1 ? mean : mean + " ± " + number(summary.half_width, kIntervalDigits);
}

std::string head_of(const std::string& metric) {
  return metric.starts_with(kFinalPrefix) ? metric.substr(kFinalPrefix.size()) : metric;
}

/// "1 failed, 2 diverged", or nothing.
std::string note_of(const SummaryRow& row) {
  std::string note;
  const auto add = [&note](int count, const char* what) {
    if (count > 0) note += fmt::format("{}{} {}", note.empty() ? "" : ", ", count, what);
  };
  add(row.num_failed, "failed");
  add(row.num_diverged, "diverged");
  add(row.num_pending, "to do");
  return note;
}

/// Characters a terminal shows: UTF-8 bytes without the continuing ones.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

using Line = std::vector<std::string>;

/// Columns as wide as their widest cell, two spaces apart, without spaces at line ends.
std::string align(const std::vector<Line>& lines) {
  std::vector<std::size_t> widths(lines.front().size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], width_of(line[i]));
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i) {
      row += line[i] + std::string(widths[i] - width_of(line[i]) + 2, ' ');
    }
    text += row.erase(row.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

/// "4 seeds", "3 to 4 seeds", or "12 trials" where rows average over more than one axis.
std::string describe_counts(const SummaryTable& table, int least, int most) {
  const auto what = table.over.size() == 1 ? table.over.front() : "trial";
  const auto number = least == most ? std::to_string(most) : fmt::format("{} to {}", least, most);
  return fmt::format("{} {}{}", number, what, most == 1 ? "" : "s");
}

/// "(mean ± 95 % interval, 4 seeds)": how many trials stand behind a mean.
std::string legend_of(const SummaryTable& table) {
  std::vector<int> counts;
  for (const auto& row : table.rows) {
    for (const auto& value : row.values) {
      if (value.count > 0) counts.push_back(value.count);
    }
  }
  if (counts.empty()) return "(no finished trial yet)\n";
  const auto [least, most] = std::ranges::minmax(counts);
  return fmt::format("({}, {})\n", most == 1 ? "value" : "mean ± 95 % interval",
                     describe_counts(table, least, most));
}

}  // namespace

SummaryTable summarize_sweep(const SweepResults& sweep, const SummaryOptions& options) {
  SummaryTable table;
  table.by = options.by.empty() ? axes_except(sweep.plan, sweep.plan.replicate) : options.by;
  table.over = axes_except(sweep.plan, table.by);
  table.metrics = options.metrics.empty() ? default_metrics(sweep)
                                          : checked_metrics(sweep.plan, options.metrics);
  const auto axes = positions_of(sweep.plan, table.by);
  for (auto& trials : collect_rows(sweep, axes, table.metrics)) {
    for (const auto& numbers : trials.numbers)
      trials.row.values.push_back(summarize(numbers));
    table.rows.push_back(std::move(trials.row));
  }
  if (options.best) keep_best(table, sweep.plan, *options.best);
  return table;
}

std::string to_text(const SummaryTable& table) {
  std::vector<Line> lines(1, table.by);
  for (const auto& metric : table.metrics)
    lines[0].push_back(head_of(metric));
  lines[0].emplace_back();
  for (const auto& row : table.rows) {
    auto& line = lines.emplace_back(row.keys);
    for (const auto& value : row.values)
      line.push_back(text_of(value));
    line.push_back(note_of(row));
  }
  return align(lines) + legend_of(table);
}

std::string to_json_text(const SummaryTable& table) {
  auto rows = nlohmann::json::array();
  for (const auto& row : table.rows) {
    auto& json = rows.emplace_back();
    for (std::size_t i = 0; i < table.by.size(); ++i)
      json[table.by[i]] = row.keys[i];
    for (std::size_t i = 0; i < table.metrics.size(); ++i) {
      json[table.metrics[i]] = {{"mean", row.values[i].mean},
                                {"half_width", row.values[i].half_width},
                                {"count", row.values[i].count}};
    }
    json["trials"] = row.num_trials;
    json["failed"] = row.num_failed;
    json["diverged"] = row.num_diverged;
    json["to_do"] = row.num_pending;
  }
  return rows.dump(2) + "\n";
}

}  // namespace results
