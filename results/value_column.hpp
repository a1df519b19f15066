#pragma once

#include <cstddef>
#include <vector>

#include <nlohmann/json.hpp>

namespace results {

/// An array of numbers in row-major order: the last extent runs fastest.
struct ValueArray {
  std::vector<std::size_t> extents = {};
  std::vector<double> numbers = {};  ///< NaN where a list was shorter than its neighbours
};

/// The values of one variable over all trials, one row for each: 8 bytes per number where JSON
/// takes 16 and a map node. A row holds a number, an array, or nothing.
class ValueColumn {
 public:
  /// Takes a number, or lists of numbers nested to any depth. Null, and whatever is no number,
  /// becomes NaN; so do lists so uneven that a block around them would be a million numbers larger.
  void set(std::size_t row, const nlohmann::json& value);

  /// NaN where the row holds an array or nothing.
  double number(std::size_t row) const;

  /// Null where the row holds a number or nothing.
  const ValueArray* array(std::size_t row) const;

  /// The row as JSON: a number, nested lists, or null.
  nlohmann::json to_json(std::size_t row) const;

 private:
  std::vector<double> numbers_;
  std::vector<ValueArray> arrays_;
};

}  // namespace results
