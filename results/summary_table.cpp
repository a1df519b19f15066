#include "results/summary_table.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include <fmt/format.h>

#include "protocol/suggestion.hpp"

namespace results {
namespace {

constexpr std::size_t kMostHeadlines = 3;
constexpr const char* kFinalPrefix = "final_";

using protocol::Outcome;

std::string text_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

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

/// The positions of the axes that make a row.
std::vector<std::size_t> row_axes(const PlanRecord& plan, const std::vector<std::string>& by) {
  const auto names = axis_names(plan);
  for (const auto& name : by) {
    if (!contains(names, name)) refuse("axis", name, names);
  }
  std::vector<std::size_t> axes;
  for (const auto& name : by) {
    axes.push_back(static_cast<std::size_t>(std::ranges::find(names, name) - names.begin()));
  }
  if (!by.empty()) return axes;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!contains(plan.replicate, names[i])) axes.push_back(i);
  }
  return axes;
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
      if (metrics.size() < kMostHeadlines && has_any_value(sweep, name)) metrics.push_back(name);
    }
  }
  return metrics;
}

std::vector<std::string> checked_metrics(const PlanRecord& plan,
                                         const std::vector<std::string>& wanted) {
  const auto scalars = scalar_names(plan);
  std::vector<std::string> metrics;
  for (const auto& name : wanted) {
    const auto final_name = kFinalPrefix + name;
    const bool is_short = !contains(scalars, name) && contains(scalars, final_name);
    metrics.push_back(is_short ? final_name : name);
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
    std::vector<std::size_t> key;
    for (const auto axis : axes)
      key.push_back(value_index(sweep.plan.axes, axis, i));
    const auto [place, is_new] = positions.try_emplace(key, rows.size());
    if (is_new) {
      auto& row = rows.emplace_back();
      row.numbers.resize(metrics.size());
      for (const auto axis : axes)
        row.row.keys.push_back(text_of(sweep.axis_value(axis, i)));
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

/// As many decimals as the interval's first two digits need, at least three without one.
std::string value_text(const Summary& summary) {
  if (summary.count == 0) return "-";
  const double scale = summary.half_width > 0 ? summary.half_width : std::abs(summary.mean) / 100;
  const int decimals =
      scale > 0 ? std::clamp(1 - static_cast<int>(std::floor(std::log10(scale))), 0, 9) : 3;
  if (std::abs(summary.mean) >= 1e6) return fmt::format("{:.4g}", summary.mean);
  if (std::isnan(summary.half_width)) return fmt::format("{:.{}f}", summary.mean, decimals);
  return fmt::format("{:.{}f} ± {:.{}f}", summary.mean, std::min(decimals, 6), summary.half_width,
                     std::min(decimals, 6));
}

std::string head_of(const std::string& metric) {
  return metric.starts_with(kFinalPrefix) ? metric.substr(std::string(kFinalPrefix).size())
                                          : metric;
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

/// "(mean ± 95 % interval, 4 seeds)" with the range of trials behind a mean.
std::string legend_of(const SummaryTable& table) {
  int least = std::numeric_limits<int>::max();
  int most = 0;
  for (const auto& row : table.rows) {
    for (const auto& value : row.values) {
      least = std::min(least, value.count);
      most = std::max(most, value.count);
    }
  }
  if (most == 0) return "no finished trials yet\n";
  return fmt::format("(mean ± 95 % interval over {}{} trials)\n",
                     least == most ? "" : fmt::format("{} to ", least), most);
}

}  // namespace

SummaryTable summarize_sweep(const SweepResults& sweep, const SummaryOptions& options) {
  const auto axes = row_axes(sweep.plan, options.by);
  SummaryTable table;
  for (const auto axis : axes)
    table.by.push_back(sweep.plan.axes[axis].name);
  table.metrics = options.metrics.empty() ? default_metrics(sweep)
                                          : checked_metrics(sweep.plan, options.metrics);
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
      line.push_back(value_text(value));
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
