#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/statistics.hpp"
#include "results/sweep_results.hpp"

namespace results {

struct SummaryOptions {
  /// Axes that make a row; empty: all with two values or more, but for the replicates.
  std::vector<std::string> by = {};
  /// Scalar variables, where "final_" may be left out; empty: those of the study's headline that
  /// have values, at most three, or else the first three variables that do.
  std::vector<std::string> metrics = {};
  /// Only so many rows, the best by the first metric first, >= 1.
  std::optional<int> best = {};
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
  std::vector<std::string> by = {};    ///< axes
  std::vector<std::string> over = {};  ///< axes that a row averages over
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

/// Plain text: one line per row and a note on the intervals. Heads leave out "final_".
std::string to_text(const SummaryTable& table);

/// An array of one object per row: the axes as text, {mean, half_width, count} for each metric.
std::string to_json_text(const SummaryTable& table);

}  // namespace results
