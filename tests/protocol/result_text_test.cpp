#include "protocol/result_text.hpp"

#include <gtest/gtest.h>

namespace protocol {
namespace {

using nlohmann::json;

Result sample() {
  return {.pack = 2,
          .id = "0123456789abcdef",
          .status = Outcome::diverged,
          .values = {{"loss", 0.1}, {"curve", {1.0, nullptr, -3}}},
          .error = "no luck",
          .epoch = 4,
          .elapsed_s = 1.25};
}

TEST(ResultText, IsTheJsonThatTheProtocolDocuments) {
  const json expected = {{"type", "result"},
                         {"pack", 2},
                         {"id", "0123456789abcdef"},
                         {"status", "diverged"},
                         {"values", {{"loss", 0.1}, {"curve", {1.0, nullptr, -3}}}},
                         {"error", "no luck"},
                         {"epoch", 4},
                         {"elapsed_s", 1.25}};

  EXPECT_EQ(json::parse(to_text(sample())), expected);
}

TEST(ScanResult, ReadsEveryFieldThatToTextWrites) {
  const auto result = scan_result(to_text(sample()));

  ASSERT_TRUE(result);
  EXPECT_EQ(result->pack, 2);
  EXPECT_EQ(result->id, "0123456789abcdef");
  EXPECT_EQ(result->status, Outcome::diverged);
  EXPECT_EQ(result->values, sample().values);
  EXPECT_EQ(result->error, "no luck");
  EXPECT_EQ(result->epoch, 4);
  EXPECT_EQ(result->elapsed_s, 1.25);
}

TEST(ScanResult, LeavesOtherFormsToAParser) {
  const auto line = to_text(sample());

  EXPECT_FALSE(scan_result(line + " "));
  EXPECT_FALSE(scan_result(line.substr(0, line.size() - 1)));
  EXPECT_FALSE(scan_result(R"({"type":"done","pack":2})"));
  EXPECT_FALSE(scan_result(""));
  auto escaped = sample();
  escaped.error = "two\nlines";
  EXPECT_FALSE(scan_result(to_text(escaped)));
  EXPECT_EQ(std::get<Result>(parse_message(to_text(escaped))).error, "two\nlines");
}

TEST(ScanResult, RefusesAnUnknownStatusAsAParserDoes) {
  auto line = to_text(sample());
  line.replace(line.find("diverged"), 8, "finishes");

  EXPECT_THROW(scan_result(line), ProtocolError);
}

}  // namespace
}  // namespace protocol
