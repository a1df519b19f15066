#pragma once

#include <string>
#include <utility>
#include <vector>

#include "results/sweep_results.hpp"

namespace results {

/// The journal of a small sweep with every kind of axis, variable and end that results.h5 knows.
/// results_file_test.py spells out what a reader must see.
std::vector<std::pair<RecordType, std::string>> sample_records();

SweepResults sample_sweep();

}  // namespace results
