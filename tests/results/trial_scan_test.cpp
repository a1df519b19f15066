#include "results/trial_scan.hpp"

#include <bit>
#include <limits>

#include <gtest/gtest.h>

namespace results {
namespace {

using nlohmann::json;

TrialRecord sample_record() {
  return {.id = 0x0123456789ABCDEF,
          .status = protocol::Outcome::failed,
          .cause = protocol::Cause::crash,
          .error = "signal 11",
          .attempts = 2,
          .elapsed_s = 1.25,
          .rank = 3,
          .device = "NVIDIA H100",
          .values = {{"x", 0.1}, {"n", -3}, {"curve", {1.0, nullptr}}, {"empty", json::array()}}};
}

/// The sample's payload with one part of it replaced.
std::string payload_with(const std::string& part, const std::string& replacement) {
  auto payload = serialize(sample_record());
  const auto at = payload.find(part);
  EXPECT_NE(at, std::string::npos) << part << " is not in " << payload;
  return payload.replace(at, part.size(), replacement);
}

TEST(ScanTrial, ReadsWhatSerializeWrites) {
  const auto record = sample_record();

  const auto scanned = scan_trial(serialize(record));

  ASSERT_TRUE(scanned);
  EXPECT_EQ(scanned->id, record.id);
  EXPECT_EQ(scanned->status, record.status);
  EXPECT_EQ(scanned->cause, record.cause);
  EXPECT_EQ(scanned->error, record.error);
  EXPECT_EQ(scanned->attempts, 2);
  EXPECT_EQ(scanned->elapsed_s, 1.25);
  EXPECT_EQ(scanned->rank, 3);
  EXPECT_EQ(scanned->device, record.device);
  EXPECT_EQ(scanned->values, record.values);
}

TEST(ScanTrial, ReadsARecordWithoutCauseErrorAndValues) {
  const auto scanned = scan_trial(serialize(TrialRecord{.id = 7}));

  ASSERT_TRUE(scanned);
  EXPECT_EQ(scanned->id, 7U);
  EXPECT_EQ(scanned->cause, protocol::Cause::none);
  EXPECT_EQ(scanned->error, "");
  EXPECT_EQ(scanned->values, json::object());
}

TEST(ScanTrial, ReadsNumbersAsAJsonParserDoes) {
  for (const auto* number :
       {"0", "-0", "12", "-12", "1.5", "-0.0", "1e3", "1E-3", "2.5e+10", "9007199254740993.0",
        "5e-324", "1.7976931348623157e308", "18446744073709551615", "-9223372036854775808"}) {
    const auto scanned = scan_trial(payload_with("0.1", number));

    ASSERT_TRUE(scanned) << number;
    const auto expected = json::parse(number);
    const auto& value = scanned->values.at("x");
    EXPECT_EQ(value.type(), expected.type()) << number;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(value.get<double>()),
              std::bit_cast<std::uint64_t>(expected.get<double>()))
        << number;
  }
}

TEST(ScanTrial, LeavesWhatIsNoJsonToTheParser) {
  for (const auto* number : {"", "-", "+1", "01", "-01", "1.", ".5", "1.e3", "1e", "1e+", "inf",
                             "nan", "0x10", "1 ", "1-2", "1.2.3"}) {
    EXPECT_FALSE(scan_trial(payload_with("0.1", number))) << number;
  }
}

TEST(ScanTrial, LeavesNumbersOutOfRangeToTheParser) {
  EXPECT_FALSE(scan_trial(payload_with("0.1", "1e999")));
  EXPECT_FALSE(scan_trial(payload_with("0.1", "18446744073709551616")));
  EXPECT_FALSE(scan_trial(payload_with(R"("attempts":2)", R"("attempts":3000000000)")));
  EXPECT_FALSE(scan_trial(payload_with(R"("attempts":2)", R"("attempts":2.0)")));
}

TEST(ScanTrial, LeavesOtherFormsToTheParser) {
  EXPECT_FALSE(scan_trial(payload_with("signal 11", R"(a \"b\")"))) << "escapes";
  EXPECT_FALSE(scan_trial(payload_with("signal 11", "größer"))) << "not ASCII";
  EXPECT_FALSE(scan_trial(payload_with("signal 11", "a\nb"))) << "a control character";
  EXPECT_FALSE(scan_trial(payload_with(R"("rank":3)", R"("rank": 3)"))) << "blanks";
  EXPECT_FALSE(scan_trial(payload_with(R"("rank":3,)", ""))) << "a field that is missing";
  EXPECT_FALSE(scan_trial(payload_with(R"("rank":3)", R"("new":1,"rank":3)"))) << "a new field";
  EXPECT_FALSE(scan_trial(payload_with("1.25", "null"))) << "NaN";
  EXPECT_FALSE(scan_trial(payload_with("0.1", "true"))) << "a value that is no number";
  EXPECT_FALSE(scan_trial(payload_with("0.1", R"("text")"))) << "a value that is no number";
  EXPECT_FALSE(scan_trial(payload_with("0123456789abcdef", "0123"))) << "no id";
  EXPECT_FALSE(scan_trial(payload_with("failed", "tired"))) << "no status";
  EXPECT_FALSE(scan_trial(payload_with("crash", "fate"))) << "no cause";
}

TEST(ScanTrial, LeavesEveryBeginningOfARecordToTheParser) {
  const auto payload = serialize(sample_record());
  for (std::size_t length = 0; length < payload.size(); ++length) {
    EXPECT_FALSE(scan_trial(std::string_view(payload).substr(0, length))) << length;
  }
  EXPECT_FALSE(scan_trial(payload + " "));
}

TEST(ScanTrial, LeavesVeryDeepListsToTheParser) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };

  EXPECT_TRUE(scan_trial(payload_with("0.1", nested(20))));
  EXPECT_FALSE(scan_trial(payload_with("0.1", nested(100'000))));
}

TEST(ParseTrial, ReadsOtherFormsAsWell) {
  EXPECT_EQ(parse_trial(payload_with("signal 11", R"(a \"b\")")).error, "a \"b\"");
  EXPECT_EQ(parse_trial(payload_with("signal 11", "größer")).error, "größer");
  EXPECT_EQ(parse_trial(payload_with(R"("rank":3)", R"("new":1,"rank": 3)")).rank, 3);
}

}  // namespace
}  // namespace results
