#include "trainer/width_table.hpp"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"

namespace trainer {
namespace {

std::vector<int> widths_of(const Speeds& speeds) {
  std::vector<int> widths;
  for (const auto& [width, speed] : speeds)
    widths.push_back(width);
  return widths;
}

TEST(MeasureSpeeds, DoublesTheWidthUpToTheLimitWhileThatPays) {
  const auto in_proportion = [](int width) { return 10.0 * width; };

  EXPECT_EQ(widths_of(measure_speeds(6, in_proportion)), (std::vector<int>{1, 2, 4, 6}));
  EXPECT_EQ(widths_of(measure_speeds(8, in_proportion)), (std::vector<int>{1, 2, 4, 8}));
  EXPECT_EQ(widths_of(measure_speeds(1, in_proportion)), std::vector<int>{1});
}

TEST(MeasureSpeeds, EndsAfterTwoWidthsThatGainNothing) {
  const auto until_8 = [](int width) { return std::min(width, 8) * 10.0; };

  EXPECT_EQ(widths_of(measure_speeds(1024, until_8)), (std::vector<int>{1, 2, 4, 8, 16, 32}));
}

TEST(MeasureSpeeds, EndsWhereMemoryEnds) {
  const auto until_4 = [](int width) { return width <= 4 ? 10.0 * width : 0; };

  EXPECT_EQ(widths_of(measure_speeds(1024, until_4)), (std::vector<int>{1, 2, 4}));
}

TEST(BestWidth, IsTheNarrowestOfTheFastest) {
  EXPECT_EQ(best_width({{1, 100}, {2, 180}, {4, 250}, {8, 255}, {16, 240}}), 4);
  EXPECT_EQ(best_width({{1, 100}, {2, 180}, {4, 250}, {8, 270}}), 8);
  EXPECT_EQ(best_width({}), 1);
}

TEST(WidthTable, FindsInAFileWhatAnotherProcessMeasuredOnTheSameDevice) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "made" / "widths.json";
  const Speeds speeds = {{1, 10.5}, {2, 20}, {16, 100}};
  WidthTable(file, "a").put("small", speeds);
  WidthTable(file, "b").put("small", {{1, 7}});

  EXPECT_EQ(WidthTable(file, "a").find("small"), speeds);
  EXPECT_EQ(WidthTable(file, "b").find("small"), (Speeds{{1, 7}}));
  EXPECT_FALSE(WidthTable(file, "a").find("large").has_value());
  EXPECT_FALSE(WidthTable(file, "c").find("small").has_value());
}

TEST(WidthTable, IsEmptyWhereTheFileHoldsSomethingElse) {
  const TemporaryFolder folder;
  for (const auto* text : {"", "{", "[1]", R"({"a":3})", R"({"a":{"small":[]}})",
                           R"({"a":{"small":{"x":1}}})", R"({"a":{"small":{"1":"fast"}}})"}) {
    const auto file = folder.write("widths.json", text);
    WidthTable table(file, "a");
    EXPECT_EQ(best_width(table.find("small").value_or(Speeds())), 1) << text;

    table.put("small", {{4, 9}});
    EXPECT_EQ(WidthTable(file, "a").find("small"), (Speeds{{4, 9}})) << text;
  }
}

TEST(WidthTable, RemembersWhatItCannotWrite) {
  const TemporaryFolder folder;
  const auto in_the_way = folder.write("file", "");
  WidthTable table(in_the_way / "widths.json", "a");

  table.put("small", {{1, 10}});

  EXPECT_EQ(table.find("small"), (Speeds{{1, 10}}));
}

}  // namespace
}  // namespace trainer
