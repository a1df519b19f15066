#include "results/value_column.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace results {
namespace {

using nlohmann::json;

ValueArray array_of(const json& value) {
  ValueColumn column;
  column.set(0, value);
  const auto* array = column.array(0);
  return array == nullptr ? ValueArray{} : *array;
}

TEST(ValueColumn, KeepsNumbersExactly) {
  ValueColumn column;

  column.set(0, 0.1);
  column.set(1, -7);

  EXPECT_EQ(column.number(0), 0.1);
  EXPECT_EQ(column.number(1), -7.0);
}

TEST(ValueColumn, HasNothingWhereNothingWasSet) {
  ValueColumn column;
  column.set(3, 1.5);

  EXPECT_TRUE(std::isnan(column.number(0)));
  EXPECT_TRUE(std::isnan(column.number(99)));
  EXPECT_EQ(column.array(3), nullptr);
  EXPECT_EQ(column.array(99), nullptr);
}

TEST(ValueColumn, TurnsNullAndTextIntoNan) {
  ValueColumn column;

  column.set(0, nullptr);
  column.set(1, "text");

  EXPECT_TRUE(std::isnan(column.number(0)));
  EXPECT_TRUE(std::isnan(column.number(1)));
}

TEST(ValueColumn, StoresNestedListsRowByRow) {
  const auto array = array_of({{1, 2, 3}, {4, 5, 6}});

  EXPECT_EQ(array.extents, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(array.numbers, (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

TEST(ValueColumn, FillsShorterListsWithNan) {
  const auto array = array_of(json::parse("[[1], [2, null, 3]]"));

  ASSERT_EQ(array.extents, (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(array.numbers[0], 1);
  EXPECT_TRUE(std::isnan(array.numbers[1]));
  EXPECT_TRUE(std::isnan(array.numbers[2]));
  EXPECT_EQ(array.numbers[3], 2);
  EXPECT_TRUE(std::isnan(array.numbers[4]));
  EXPECT_EQ(array.numbers[5], 3);
}

TEST(ValueColumn, KeepsAnEmptyListAsAnArrayWithoutNumbers) {
  EXPECT_EQ(array_of(json::array()).extents, std::vector<std::size_t>{0});
  EXPECT_EQ(array_of(json::parse("[[], []]")).extents, (std::vector<std::size_t>{2, 0}));
}

TEST(ValueColumn, ForgetsTheFormerValueOfARow) {
  ValueColumn column;
  column.set(0, {1, 2});
  column.set(1, 5);

  column.set(0, 3);
  column.set(1, nullptr);

  EXPECT_EQ(column.array(0), nullptr);
  EXPECT_EQ(column.number(0), 3);
  EXPECT_TRUE(std::isnan(column.number(1)));
}

TEST(ValueColumn, GivesBackTheJsonItTook) {
  ValueColumn column;
  const auto heatmap = json::parse("[[0.5, 1.0], [2.0, 3.25]]");

  column.set(0, heatmap);
  column.set(1, 0.25);

  EXPECT_EQ(column.to_json(0), heatmap);
  EXPECT_EQ(column.to_json(1), json(0.25));
}

TEST(ValueColumn, SurvivesListsNestedBeyondReason) {
  auto deep = json::parse("1");
  for (int i = 0; i < 10'000; ++i)
    deep = json::array({std::move(deep)});

  EXPECT_EQ(array_of(deep).extents.size(), 32U);  // as many dimensions as HDF5 knows
}

/// A list of `width` values of which the first is such a list again.
json lopsided(int width, int depth) {
  json list = json::array();
  for (int i = 0; i < width; ++i)
    list.push_back(i == 0 && depth > 1 ? lopsided(width, depth - 1) : json(i));
  return list;
}

TEST(ValueColumn, DropsListsSoUnevenThatABlockWouldFillMemory) {
  EXPECT_EQ(array_of(lopsided(100, 3)).numbers.size(), 1'000'000U);
  EXPECT_TRUE(array_of(lopsided(100, 5)).extents.empty());  // 10^10 numbers for 500
  EXPECT_TRUE(array_of(lopsided(4, 32)).extents.empty());   // 4^32 = 2^64 numbers, 0 to a counter
}

}  // namespace
}  // namespace results
