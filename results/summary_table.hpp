#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/statistics.hpp"
#include "results/sweep_results.hpp"

namespace results {

struct SummaryOptions {
  std::vector<std::string> by = {};  ///< axes that make a row; empty: all but the replicates
  std::vector<std::string> metrics =
      {};  ///< scalar variables, "final_" may be left out; empty: the study's headline
  std::optional<int> best = {};  ///< only the best rows by the first metric, >= 1
};

struct SummaryRow {
  std::vector<std::string> keys = {};  ///< one per SummaryTable::by
  std::vector<Summary> values = {};    ///< one per SummaryTable::metrics
  int num_trials = 0;                  ///< trials of the plan in this row
  int num_failed = 0;
  int num_diverged = 0;
  int num_pending = 0;
};

/// Means over trials that share the values of some axes.
struct SummaryTable {
  std::vector<std::string> by = {};
  std::vector<std::string> metrics = {};
  std::vector<SummaryRow> rows = {};  ///< in grid order, or best first
};

/// A row's value of a metric is the mean over its finished trials; diverged and failed ones are
/// counted beside it. The best row has the largest mean, or the smallest if the metric is
/// measured in nats or has "loss" in its name.
///
/// Throws: std::invalid_argument if an axis or a metric does not exist; the message names the
/// closest one that does.
SummaryTable summarize_sweep(const SweepResults& sweep, const SummaryOptions& options);

/// Plain text with one line per row and a note on the intervals.
std::string to_text(const SummaryTable& table);
std::string to_json_text(const SummaryTable& table);

}  // namespace results
