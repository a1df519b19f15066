#include "results/export.hpp"

#include <cmath>
#include <ostream>

namespace results {
namespace {

using Json = nlohmann::json;

/// A field of a CSV line; quotes where RFC 4180 wants them.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text)
    quoted += letter == '"' ? "\"\"" : std::string(1, letter);
  return quoted + '"';
}

/// Numbers exactly, text as it is, nothing for null or NaN.
std::string field(const Json& value) {
  if (value.is_null() || (value.is_number_float() && std::isnan(value.get<double>()))) return "";
  return field(value.is_string() ? value.get<std::string>() : value.dump());
}

std::string status_of(const TrialEnd* trial) {
  return trial == nullptr ? "pending" : protocol::to_string(trial->status);
}

void write_line(std::ostream& out, const std::vector<std::string>& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i)
    out << (i == 0 ? "" : ",") << fields[i];
  out << "\n";
}

std::vector<std::string> scalars_of(const PlanRecord& plan) {
  std::vector<std::string> names;
  for (const auto& [name, variable] : plan.variables) {
    if (variable.dims.empty()) names.push_back(name);
  }
  return names;
}

std::vector<std::string> csv_fields(const SweepResults& sweep, std::size_t index,
                                    const std::vector<std::string>& scalars) {
  const auto id = sweep.plan.ids[index];
  const auto* trial = sweep.find(id);
  std::vector<std::string> fields = {to_hex(id)};
  for (std::size_t axis = 0; axis < sweep.plan.axes.size(); ++axis) {
    fields.push_back(field(sweep.axis_value(axis, index)));
  }
  fields.push_back(status_of(trial));
  const auto known = trial == nullptr ? TrialEnd{.attempts = 0} : *trial;
  fields.push_back(field(sweep.texts[known.error]));
  fields.push_back(std::to_string(known.attempts));
  fields.push_back(trial == nullptr ? "" : field(Json(known.elapsed_s)));
  fields.push_back(trial == nullptr ? "" : std::to_string(known.rank));
  fields.push_back(field(sweep.texts[known.device]));
  for (const auto& name : scalars) {
    const auto* column = sweep.find_column(name);
    fields.push_back(
        trial == nullptr || column == nullptr ? "" : field(Json(column->number(known.row))));
  }
  return fields;
}

Json to_json(const SweepResults& sweep, std::size_t index) {
  const auto id = sweep.plan.ids[index];
  const auto* trial = sweep.find(id);
  Json row = {{"trial", to_hex(id)}, {"status", status_of(trial)}};
  for (std::size_t axis = 0; axis < sweep.plan.axes.size(); ++axis) {
    row["axes"][sweep.plan.axes[axis].name] = sweep.axis_value(axis, index);
  }
  if (trial == nullptr) return row;
  row["error"] = sweep.texts[trial->error];
  row["attempts"] = trial->attempts;
  row["elapsed_s"] = trial->elapsed_s;
  row["rank"] = trial->rank;
  row["device"] = sweep.texts[trial->device];
  row["values"] = Json::object();
  for (const auto& [name, column] : sweep.columns) {
    row["values"][name] = column.to_json(trial->row);
  }
  return row;
}

}  // namespace

void export_csv(const SweepResults& sweep, std::ostream& out) {
  const auto scalars = scalars_of(sweep.plan);
  std::vector<std::string> head = {"trial"};
  for (const auto& axis : sweep.plan.axes)
    head.push_back(field(axis.name));
  head.insert(head.end(), {"status", "error", "attempts", "elapsed_s", "rank", "device"});
  head.insert(head.end(), scalars.begin(), scalars.end());
  write_line(out, head);
  for (std::size_t i = 0; i < sweep.plan.ids.size(); ++i) {
    write_line(out, csv_fields(sweep, i, scalars));
  }
}

void export_json(const SweepResults& sweep, std::ostream& out) {
  out << "[";
  for (std::size_t i = 0; i < sweep.plan.ids.size(); ++i) {
    out << (i == 0 ? "\n" : ",\n") << to_json(sweep, i).dump();
  }
  out << "\n]\n";
}

}  // namespace results
