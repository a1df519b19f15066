#include "results/axis_values.hpp"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace results {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;
using Integers = std::vector<std::int64_t>;
using Bools = std::vector<std::int8_t>;
using Numbers = std::vector<double>;

/// One axis with these values, and a trial for each.
Cells cells_of(const std::vector<json>& values) {
  return axis_cells({{.name = "axis", .values = values}}, 0, values.size());
}

TEST(AxisCells, FollowGridOrder) {
  const std::vector<Axis> axes = {{.name = "slow", .values = {1, 2}},
                                  {.name = "fast", .values = {"a", "b", "c"}}};

  EXPECT_EQ(axis_cells(axes, 0, 6), Cells(Integers{1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(axis_cells(axes, 1, 6), Cells(Texts{"a", "b", "c", "a", "b", "c"}));
}

TEST(AxisCells, TakeTheNarrowestTypeThatHoldsAllValues) {
  EXPECT_EQ(cells_of({1, -2}), Cells(Integers{1, -2}));
  EXPECT_EQ(cells_of({0.1, 2}), Cells(Numbers{0.1, 2.0}));
  EXPECT_EQ(cells_of({true, false}), Cells(Bools{1, 0}));
  EXPECT_EQ(cells_of({"a", ""}), Cells(Texts{"a", ""}));
}

TEST(AxisCells, WriteEverythingElseAsText) {
  EXPECT_EQ(cells_of({nullptr}), Cells(Texts{"null"}));
  EXPECT_EQ(cells_of({json::array({1, "x"})}), Cells(Texts{R"([1,"x"])"}));
  EXPECT_EQ(cells_of({json{{"b", 1}, {"a", nullptr}}}), Cells(Texts{R"({"a":null,"b":1})"}));
  EXPECT_EQ(cells_of({"soft", 1, true, nullptr}), Cells(Texts{"soft", "1", "true", "null"}));
  EXPECT_EQ(cells_of({true, 1}), Cells(Texts{"true", "1"}));
}

TEST(AxisCells, KeepEveryDigitOfIntegers) {
  constexpr auto kLargest = std::numeric_limits<std::int64_t>::max();
  constexpr auto kTooLarge = std::numeric_limits<std::uint64_t>::max();

  EXPECT_EQ(cells_of({kLargest}), Cells(Integers{kLargest}));
  EXPECT_EQ(cells_of({kTooLarge}), Cells(Texts{"18446744073709551615"}));
}

TEST(ValueText, IsShortAndExact) {
  EXPECT_EQ(value_text(0.1), "0.1");
  EXPECT_EQ(value_text(3), "3");
  EXPECT_EQ(value_text("größer"), "größer");
  EXPECT_EQ(value_text(false), "false");
}

}  // namespace
}  // namespace results
