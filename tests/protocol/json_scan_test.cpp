#include "protocol/json_scan.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace protocol {
namespace {

using nlohmann::json;

std::string text_of(double number) {
  std::string text;
  append_number(text, number);
  return text;
}

TEST(JsonScan, ReadsNumbersByNameAsAParserDoes) {
  const std::string text = R"({"a":1,"b":-2,"c":2.5e-3,"d":null,"e":[[1.0],[]]})";

  const auto values = JsonScan(text).numbers_by_name();

  EXPECT_EQ(values, json::parse(text));
  EXPECT_TRUE(values["a"].is_number_unsigned());
  EXPECT_TRUE(values["c"].is_number_float());
}

TEST(JsonScan, LeavesOtherFormsToAParser) {
  for (const std::string text : {R"({"a": 1})", R"({"a":"b"})", R"({"a":01})", R"({"a":1)",
                                 R"({"\u0061":1})", R"({"a":true})", R"({"a":.5})"}) {
    EXPECT_THROW(JsonScan(text).numbers_by_name(), OtherForm) << text;
  }
  EXPECT_THROW(JsonScan(" ").end(), OtherForm);
  EXPECT_THROW(JsonScan("12345678901").number_as<int>(), OtherForm);
}

TEST(JsonScan, LeavesListsInsideManyListsToAParser) {
  const auto text = R"({"a":)" + std::string(40, '[') + std::string(40, ']') + "}";

  EXPECT_THROW(JsonScan(text).numbers_by_name(), OtherForm);
}

TEST(AppendNumber, KeepsEveryBit) {
  for (const double number : {0.1, 1.0 / 3, 1e300, 5e-324, -0.0, 123456789.0, 1e5}) {
    const auto back = json::parse(text_of(number));
    EXPECT_TRUE(back.is_number_float()) << text_of(number);
    EXPECT_EQ(back.get<double>(), number);
    EXPECT_EQ(std::signbit(back.get<double>()), std::signbit(number));
  }
}

TEST(AppendNumber, WritesNullForWhatJsonDoesNotKnow) {
  EXPECT_EQ(text_of(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(text_of(-std::numeric_limits<double>::infinity()), "null");
}

TEST(AppendText, EscapesWhatMustBe) {
  const std::string text = "a \"b\"\n\\ \xC3\xA9";
  std::string line;

  append_text(line, text);

  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(json::parse(line), text);
}

TEST(AppendText, ReplacesBytesThatAreNoUtf8) {
  std::string line;

  append_text(line, "a\xff");

  EXPECT_EQ(json::parse(line), "a\xEF\xBF\xBD");
}

}  // namespace
}  // namespace protocol
