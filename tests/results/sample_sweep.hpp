#pragma once

#include "results/sweep_results.hpp"

namespace results {

/// A small sweep with every kind of axis, variable and end that results.h5 knows. The Python test
/// of the file spells out what it must read.
SweepResults sample_sweep();

}  // namespace results
