#include "results/value_column.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "results/records.hpp"

namespace results {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 32;            // HDF5 knows no more dimensions
constexpr std::size_t kMostPadding = 1'000'000;  // NaNs that fill up uneven lists

double number_in(const json& value) {
  return value.is_number() ? value.get<double>() : kMissing;
}

json number_or_null(double number) {
  return std::isnan(number) ? json() : json(number);
}

std::size_t count_numbers(std::span<const std::size_t> extents) {
  return std::reduce(extents.begin(), extents.end(), std::size_t{1}, std::multiplies<>());
}

/// Raises the extents from `depth` on to what the lists in `value` need.
void widen(std::vector<std::size_t>& extents, const json& value, std::size_t depth) {
  if (!value.is_array() || depth == kMaxDepth) return;
  if (extents.size() == depth) extents.push_back(0);
  extents[depth] = std::max(extents[depth], value.size());
  for (const auto& item : value)
    widen(extents, item, depth + 1);
}

/// Copies nested lists to where they belong in a row-major block of these extents.
void copy(const json& value, std::span<const std::size_t> extents, std::span<double> block) {
  if (extents.empty()) {
    block[0] = number_in(value);
  } else if (value.is_array()) {
    const auto stride = count_numbers(extents.subspan(1));
    for (std::size_t i = 0; i < value.size(); ++i) {
      copy(value[i], extents.subspan(1), block.subspan(i * stride, stride));
    }
  }
}

/// How many values that are no lists stand in nested lists.
std::size_t count_leaves(const json& value) {
  if (!value.is_array()) return 1;
  std::size_t count = 0;
  for (const auto& item : value)
    count += count_leaves(item);
  return count;
}

/// Whether a block has more numbers than nested lists give it reason to have.
bool is_oversized(std::span<const std::size_t> extents, const json& value) {
  const auto most = count_leaves(value) + kMostPadding;
  std::size_t size = 1;
  for (const auto extent : extents) {
    if (extent > 0 && size > most / extent) return true;
    size *= extent;
  }
  return false;
}

ValueArray array_from(const json& value) {
  ValueArray array;
  widen(array.extents, value, 0);
  if (is_oversized(array.extents, value)) return {};
  array.numbers.assign(count_numbers(array.extents), kMissing);
  if (!array.numbers.empty()) copy(value, array.extents, array.numbers);
  return array;
}

json nested_lists(std::span<const std::size_t> extents, std::span<const double> numbers) {
  if (extents.empty()) return number_or_null(numbers[0]);
  auto list = json::array();
  const auto stride = count_numbers(extents.subspan(1));
  for (std::size_t i = 0; i < extents[0]; ++i) {
    list.push_back(nested_lists(extents.subspan(1), numbers.subspan(i * stride, stride)));
  }
  return list;
}

}  // namespace

void ValueColumn::set(std::size_t row, const json& value) {
  if (row >= numbers_.size()) numbers_.resize(row + 1, kMissing);
  numbers_[row] = number_in(value);
  if (row < arrays_.size()) arrays_[row] = {};
  if (!value.is_array()) return;
  if (row >= arrays_.size()) arrays_.resize(row + 1);
  arrays_[row] = array_from(value);
}

double ValueColumn::number(std::size_t row) const {
  return row < numbers_.size() ? numbers_[row] : kMissing;
}

const ValueArray* ValueColumn::array(std::size_t row) const {
  const bool has_array = row < arrays_.size() && !arrays_[row].extents.empty();
  return has_array ? &arrays_[row] : nullptr;
}

json ValueColumn::to_json(std::size_t row) const {
  if (const auto* values = array(row)) return nested_lists(values->extents, values->numbers);
  return number_or_null(number(row));
}

}  // namespace results
