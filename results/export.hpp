#pragma once

#include <iosfwd>

#include "results/sweep_results.hpp"

namespace results {

/// One line per trial in grid order: id, axes, what happened, and every scalar variable.
/// Fields are quoted as in RFC 4180, lines end with a line feed, a missing value is an empty field.
void export_csv(const SweepResults& sweep, std::ostream& out);

/// An array of one object per trial with everything known of it, curves and arrays included.
void export_json(const SweepResults& sweep, std::ostream& out);

}  // namespace results
