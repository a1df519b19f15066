#include "protocol/json_fields.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/messages.hpp"

namespace protocol {
namespace {

using nlohmann::json;

/// What reading `key` as Value complains about; empty if it does not.
template <class Value>
std::string complaint(const json& object, const char* key) {
  try {
    JsonFields(object, "the object").required<Value>(key);
  } catch (const ProtocolError& error) {
    return error.what();
  }
  return {};
}

TEST(JsonFields, ReadsEveryTypeItKnows) {
  const json object = {{"i", -7},   {"d", 0.5},    {"s", "x"},
                       {"b", true}, {"l", {1, 2}}, {"j", {{"k", 1}}}};
  const JsonFields fields(object, "the object");

  EXPECT_EQ(fields.required<int>("i"), -7);
  EXPECT_EQ(fields.required<double>("d"), 0.5);
  EXPECT_EQ(fields.required<double>("i"), -7.0);
  EXPECT_EQ(fields.required<std::string>("s"), "x");
  EXPECT_TRUE(fields.required<bool>("b"));
  EXPECT_EQ(fields.required<std::vector<int>>("l"), (std::vector<int>{1, 2}));
  EXPECT_EQ(fields.required<json>("j"), json({{"k", 1}}));
}

TEST(JsonFields, NamesAMissingFieldAndItsOwner) {
  EXPECT_EQ(complaint<int>(json::object(), "epoch"), "field 'epoch' is missing in the object");
}

TEST(JsonFields, NamesTheTypeThatStandsWhereAnotherIsWanted) {
  EXPECT_EQ(complaint<std::string>({{"name", 3}}, "name"),
            "field 'name' in the object is number (want a string)");
}

TEST(JsonFields, TakesNoFractionAndNoBoolForAnInteger) {
  EXPECT_NE(complaint<int>({{"n", 2.0}}, "n"), "");
  EXPECT_NE(complaint<int>({{"n", true}}, "n"), "");
}

TEST(JsonFields, RefusesAnIntegerThatDoesNotFit) {
  const json object = {{"n", std::int64_t{1} << 31}, {"m", -1}};

  EXPECT_NE(complaint<int>(object, "n"), "");
  EXPECT_EQ(complaint<std::int64_t>(object, "n"), "");
  EXPECT_NE(complaint<std::size_t>(object, "m"), "");
}

TEST(JsonFields, TakesNullForAbsent) {
  const json object = {{"n", nullptr}};
  const JsonFields fields(object, "the object");

  EXPECT_EQ(fields.optional<int>("n"), std::nullopt);
  EXPECT_EQ(fields.value_or("n", 4), 4);
  EXPECT_THROW(fields.required<int>("n"), ProtocolError);
}

TEST(JsonFields, RefusesAWrongTypeInAnOptionalField) {
  const json object = {{"n", "four"}};
  const JsonFields fields(object, "the object");

  EXPECT_THROW(fields.optional<int>("n"), ProtocolError);
  EXPECT_THROW(fields.value_or("n", 4), ProtocolError);
}

TEST(JsonFields, NamesThePlaceOfAnInnerObject) {
  const json object = {{"items", json::array({json::object()})}};
  const JsonFields fields(object, "the object");

  try {
    fields.list_of("items", [](const JsonFields& item) { return item.required<int>("n"); });
    FAIL() << "the missing field was not noticed";
  } catch (const ProtocolError& error) {
    EXPECT_STREQ(error.what(), "field 'n' is missing in items of the object");
  }
}

TEST(JsonFields, RefusesWhatIsNoObject) {
  EXPECT_THROW(JsonFields(json::array(), "the object"), ProtocolError);
}

/// Lists inside each other.
std::string nested(int depth) {
  const auto count = static_cast<std::size_t>(depth);
  return std::string(count, '[') + std::string(count, ']');
}

TEST(ParseJson, RefusesNestingBeyondReason) {
  EXPECT_NO_THROW(parse_json(nested(kDeepestJson)));
  EXPECT_THROW(parse_json(nested(kDeepestJson + 1)), ProtocolError);
  EXPECT_THROW(parse_json(nested(1'000'000)), ProtocolError);  // a stack would overflow
}

TEST(ParseJson, CountsNoBracketsInStrings) {
  const auto brackets = R"(\" \\\" )" + std::string(1000, '[');

  EXPECT_EQ(parse_json("\"" + brackets + "\""), "\" \\\" " + std::string(1000, '['));
}

TEST(ParseJson, CountsWhatStandsInsideEachOtherOnly) {
  std::string siblings = "[[]";
  for (int i = 0; i < 1000; ++i)
    siblings += ",{}";

  EXPECT_EQ(parse_json(siblings + "]").size(), 1001U);
}

}  // namespace
}  // namespace protocol
