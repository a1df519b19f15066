/// What a journal's records say. Each line is one: the digit of its kind, then its payload.
#include <optional>
#include <sstream>

#include "results/export.hpp"
#include "results/journal.hpp"
#include "results/sweep_results.hpp"
#include "tests/fuzz/fuzzer.hpp"

namespace {

using fuzz::require;
using results::RecordType;

template <class Record>
void check_round_trip(Record (*parse)(const std::string&), const std::string& payload) {
  const auto text = serialize(parse(payload));
  require(serialize(parse(text)) == text, "a record comes back the same");
}

void check_record(RecordType type, const std::string& payload) {
  if (type == RecordType::plan) check_round_trip(results::parse_plan, payload);
  if (type == RecordType::session) check_round_trip(results::parse_session, payload);
  if (type == RecordType::trial) check_round_trip(results::parse_trial, payload);
  if (type == RecordType::end) check_round_trip(results::parse_end, payload);
}

/// False if the record is refused.
bool apply_line(results::SweepResults& sweep, const std::string& line) {
  const auto type = static_cast<RecordType>(line[0] - '0');
  try {
    results::apply(sweep, type, line.substr(1));
  } catch (const results::StorageError&) {
    return false;
  }
  check_record(type, line.substr(1));
  return true;
}

void check_columns(const results::SweepResults& sweep) {
  for (const auto& [name, column] : sweep.columns) {
    for (const auto& trial : sweep.trials) {
      const auto value = column.to_json(trial.row);
      results::ValueColumn copy;
      copy.set(0, value);
      require(copy.to_json(0) == value, "a value comes back the same");
    }
  }
}

}  // namespace

void fuzz::try_input(std::string_view input) {
  results::SweepResults sweep;
  std::istringstream lines{std::string(input)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) apply_line(sweep, line);
  }
  const auto counts = results::count(sweep);
  require(counts.total == sweep.plan.ids.size(), "every trial of the plan is counted");
  require(counts.finished + counts.diverged + counts.failed <= counts.total,
          "no more trials end than there are");
  check_columns(sweep);
  std::ostringstream out;
  results::export_csv(sweep, out);
  results::export_json(sweep, out);
}
