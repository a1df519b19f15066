#include "results/axis_values.hpp"

#include <algorithm>
#include <limits>

#include "results/sweep_results.hpp"

namespace results {
namespace {

using nlohmann::json;

bool is_int64(const json& value) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return value.is_number_integer() &&
         (!value.is_number_unsigned() || value.get<std::uint64_t>() <= kLargest);
}

/// The values themselves as cells, one for each.
Cells cells_of(const std::vector<json>& values) {
  const auto all = [&values](auto is_kind) { return std::ranges::all_of(values, is_kind); };
  const auto as = [&values]<class Value>(std::vector<Value> cells) {
    for (const auto& value : values)
      cells.push_back(value.get<Value>());
    return cells;
  };
  if (all([](const json& value) { return value.is_boolean(); })) {
    return as(std::vector<std::int8_t>());
  }
  if (all(is_int64)) return as(std::vector<std::int64_t>());
  if (all([](const json& value) { return value.is_number_float() || is_int64(value); })) {
    return as(std::vector<double>());
  }
  std::vector<std::string> texts(values.size());
  std::ranges::transform(values, texts.begin(), value_text);
  return texts;
}

}  // namespace

std::string value_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Cells axis_cells(const std::vector<Axis>& axes, std::size_t axis_index, std::size_t num_trials) {
  const auto repeat = [&]<class Value>(const std::vector<Value>& values) -> Cells {
    std::vector<Value> cells;
    cells.reserve(num_trials);
    for (std::size_t i = 0; i < num_trials; ++i) {
      cells.push_back(values[value_index(axes, axis_index, i)]);
    }
    return cells;
  };
  return std::visit(repeat, cells_of(axes[axis_index].values));
}

}  // namespace results
