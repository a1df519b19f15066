#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "results/hdf5_file.hpp"
#include "results/records.hpp"

/// How the values of an axis look in tables and files.
namespace results {

/// A string as it is, everything else as compact JSON.
std::string value_text(const nlohmann::json& value);

/// An axis as a variable over the trials of a grid, in grid order. All integers: int64; integers
/// and fractions: float64; true and false: int8; anything else: value_text().
Cells axis_cells(const std::vector<Axis>& axes, std::size_t axis_index, std::size_t num_trials);

}  // namespace results
