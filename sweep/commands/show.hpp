#pragma once

#include <filesystem>

#include "results/summary_table.hpp"

namespace sweep {

struct ShowOptions {
  std::filesystem::path folder = {};
  results::SummaryOptions summary = {};
  bool of_workers = false;  ///< how busy they were, in place of means
  bool as_json = false;
};

/// `mpisweep show`: means and intervals over seeds, or what the workers did.
int show_command(const ShowOptions& options);

}  // namespace sweep
