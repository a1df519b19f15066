#pragma once

#include <filesystem>

#include "results/summary_table.hpp"

namespace sweep {

struct ShowOptions {
  std::filesystem::path folder = {};
  results::SummaryOptions summary = {};
  bool as_json = false;
};

/// `mpisweep show`: means and intervals over seeds.
int show_command(const ShowOptions& options);

}  // namespace sweep
