#include "protocol/messages.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace protocol {
namespace {

using nlohmann::json;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The message as the other side reads it.
template <class Body>
Body sent_and_received(const Body& body) {
  return std::get<Body>(parse_message(serialize(body)));
}

/// The error that parsing the line gives; empty if it gives none.
std::string complaint(const std::string& line) {
  try {
    parse_message(line);
  } catch (const ProtocolError& error) {
    return error.what();
  }
  return {};
}

// --- the wire, as written down in the protocol's documentation ---

TEST(Serialize, HelloLooksAsDocumented) {
  EXPECT_EQ(json::parse(serialize(Hello{.device = "cuda:0"})),
            json::parse(R"({"type":"hello","version":1,"device":"cuda:0","threads":1})"));
}

TEST(Serialize, PackRequestLooksAsDocumented) {
  const PackRequest request = {.pack = 7,
                               .settings = {{"epochs", 30}},
                               .checkpoint = "PATH",
                               .trials = {{.id = "9f", .seed = 0, .learning_rate = 0.1}}};

  EXPECT_EQ(json::parse(serialize(request)),
            json::parse(R"({"type":"pack","pack":7,"attempt":1,"settings":{"epochs":30},
                            "checkpoint":"PATH","resume":false,
                            "trials":[{"id":"9f","seed":0,"learning_rate":0.1}]})"));
}

TEST(Serialize, StopIsItsTypeAlone) {
  EXPECT_EQ(serialize(Stop{}), R"({"type":"stop"})");
}

TEST(Serialize, LeavesOutASeedAndARateThatDoNotExist) {
  const auto line = serialize(PackRequest{.trials = {{.id = "9f"}}});

  EXPECT_EQ(json::parse(line).at("trials"), json::parse(R"([{"id":"9f"}])"));
}

TEST(Serialize, TurnsNanAndInfinitiesIntoNull) {
  const auto line = serialize(Result{.values = {{"curve", {1.0, kNan, kInfinity, -kInfinity}}}});

  EXPECT_EQ(json::parse(line).at("values").at("curve"), json::parse("[1.0, null, null, null]"));
}

TEST(Serialize, StaysOnOneLineWhateverTheTextHolds) {
  const Failure failure = {.error = "first line\nsecond \"line\"\t\\ end"};

  EXPECT_EQ(serialize(failure).find('\n'), std::string::npos);
  EXPECT_EQ(sent_and_received(failure).error, failure.error);
}

TEST(Serialize, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(sent_and_received(Failure{.error = "bad \xff byte"}).error, "bad \xEF\xBF\xBD byte");
}

TEST(ParseMessage, ReadsReadyAsDocumented) {
  const auto ready = std::get<Ready>(parse_message(
      R"({"type":"ready","trainer":"libtorch 2.11.0","device":"NVIDIA H100","studies":{"focus":{"version":2,
          "settings":{"segments":{"type":"int","default":5,"min":2,"help":"segments per mosaic"}},
          "variables":{"train_loss":{"dims":["epoch"],"units":"nat","long_name":"mean training loss"}}}}})"));

  const auto& study = ready.studies.at("focus");
  EXPECT_EQ(ready.trainer, "libtorch 2.11.0");
  EXPECT_EQ(ready.device, "NVIDIA H100");
  EXPECT_EQ(study.version, 2);
  EXPECT_EQ(study.settings.at("segments").type, "int");
  EXPECT_EQ(study.settings.at("segments").default_value, json(5));
  EXPECT_EQ(study.settings.at("segments").min, 2.0);
  EXPECT_EQ(study.settings.at("segments").max, std::nullopt);
  EXPECT_EQ(study.settings.at("segments").help, "segments per mosaic");
  EXPECT_EQ(study.variables.at("train_loss").dims, std::vector<std::string>{"epoch"});
  EXPECT_EQ(study.variables.at("train_loss").units, "nat");
  EXPECT_EQ(study.variables.at("train_loss").long_name, "mean training loss");
}

TEST(ParseMessage, ReadsCheckedAsDocumented) {
  const auto checked = std::get<Checked>(parse_message(
      R"({"type":"checked","problems":[{"key":"dataset.segments","problem":"must be at least 2","hint":"..."}],
          "resolved":[{"epochs":30}]})"));

  ASSERT_EQ(checked.problems.size(), 1U);
  EXPECT_EQ(checked.problems[0].key, "dataset.segments");
  EXPECT_EQ(checked.problems[0].problem, "must be at least 2");
  EXPECT_EQ(checked.problems[0].hint, "...");
  EXPECT_EQ(checked.problems[0].index, std::nullopt);
  EXPECT_EQ(checked.resolved, (std::vector<json>{{{"epochs", 30}}}));
  EXPECT_TRUE(checked.pack_widths.empty());
  EXPECT_TRUE(checked.costs.empty());
}

TEST(ParseMessage, ReadsAResultAsDocumented) {
  const auto result = std::get<Result>(parse_message(
      R"({"type":"result","pack":7,"id":"9f","status":"finished",
          "values":{"final_test_accuracy":0.97,"train_loss":[1,null]},"elapsed_s":1.9})"));

  EXPECT_EQ(result.pack, 7);
  EXPECT_EQ(result.id, "9f");
  EXPECT_EQ(result.status, Outcome::finished);
  EXPECT_EQ(result.values.at("final_test_accuracy"), 0.97);
  EXPECT_TRUE(result.values.at("train_loss").at(1).is_null());
  EXPECT_EQ(result.elapsed_s, 1.9);
  EXPECT_EQ(result.epoch, std::nullopt);
}

// --- round trips ---

TEST(Messages, SettingsKeepEveryField) {
  const SettingDeclaration setting = {.type = "string",
                                      .default_value = "soft",
                                      .min = -1,
                                      .max = 2.5,
                                      .values = {"soft", "hard"},
                                      .help = "kind of loss"};

  const auto ready =
      sent_and_received(Ready{.studies = {{"s", {.settings = {{"loss", setting}}}}}});

  const auto& received = ready.studies.at("s").settings.at("loss");
  EXPECT_EQ(received.type, setting.type);
  EXPECT_EQ(received.default_value, setting.default_value);
  EXPECT_EQ(received.min, setting.min);
  EXPECT_EQ(received.max, setting.max);
  EXPECT_EQ(received.values, setting.values);
  EXPECT_EQ(received.help, setting.help);
}

TEST(Messages, HelloKeepsEveryField) {
  const auto hello =
      sent_and_received(Hello{.version = 3, .device = "cuda:1", .threads = 4, .cache = "PATH"});

  EXPECT_EQ(hello.version, 3);
  EXPECT_EQ(hello.device, "cuda:1");
  EXPECT_EQ(hello.threads, 4);
}

TEST(Messages, PackRequestsKeepEveryField) {
  const PackRequest request = {
      .pack = std::int64_t{1} << 40,
      .attempt = 2,
      .settings = {{"loss", "hard"}, {"momentum", nullptr}},
      .checkpoint = "p",
      .resume = true,
      .trials = {{.id = "a", .seed = -3, .learning_rate = 0.1}, {.id = "b"}}};

  const auto received = sent_and_received(request);

  EXPECT_EQ(received.pack, request.pack);
  EXPECT_EQ(received.attempt, 2);
  EXPECT_EQ(received.settings, request.settings);
  EXPECT_EQ(received.checkpoint, "p");
  EXPECT_TRUE(received.resume);
  ASSERT_EQ(received.trials.size(), 2U);
  EXPECT_EQ(received.trials[0].seed, -3);
  EXPECT_EQ(received.trials[0].learning_rate, 0.1);  // doubles cross exactly
  EXPECT_EQ(received.trials[1].seed, std::nullopt);
}

TEST(Messages, ChecksAndAnswersKeepEveryField) {
  const auto check = sent_and_received(Check{.settings = {{{"loss", "soft"}}, json::object()}});
  const auto checked =
      sent_and_received(Checked{.problems = {{.key = "loss", .problem = "unknown", .index = 1}},
                                .resolved = {{{"loss", "soft"}}},
                                .pack_widths = {4},
                                .memory_bytes = {1.5e9},
                                .costs = {2.5}});

  EXPECT_EQ(check.settings, (std::vector<json>{{{"loss", "soft"}}, json::object()}));
  EXPECT_EQ(checked.problems.at(0).index, 1U);
  EXPECT_EQ(checked.resolved, (std::vector<json>{{{"loss", "soft"}}}));
  EXPECT_EQ(checked.pack_widths, std::vector<int>{4});
  EXPECT_EQ(checked.memory_bytes, std::vector<double>{1.5e9});
  EXPECT_EQ(checked.costs, std::vector<double>{2.5});
}

TEST(Messages, ResultsKeepEveryField) {
  const auto received = sent_and_received(Result{.pack = 2,
                                                 .id = "0123456789abcdef",
                                                 .status = Outcome::diverged,
                                                 .values = {{"x", 0.1}},
                                                 .error = "loss is inf",
                                                 .epoch = 3,
                                                 .elapsed_s = 0.25});

  EXPECT_EQ(received.pack, 2);
  EXPECT_EQ(received.id, "0123456789abcdef");
  EXPECT_EQ(received.status, Outcome::diverged);
  EXPECT_EQ(received.values, json({{"x", 0.1}}));
  EXPECT_EQ(received.error, "loss is inf");
  EXPECT_EQ(received.epoch, 3);
  EXPECT_EQ(received.elapsed_s, 0.25);
}

TEST(Messages, TheSmallOnesKeepEveryField) {
  const auto progress = sent_and_received(Progress{.pack = 5, .epoch = 3, .epochs = 30});
  const auto failure = sent_and_received(Failure{.error = "no such device", .hint = "use cpu"});

  EXPECT_EQ(progress.pack, 5);
  EXPECT_EQ(progress.epoch, 3);
  EXPECT_EQ(progress.epochs, 30);
  EXPECT_EQ(sent_and_received(Done{.pack = 6}).pack, 6);
  EXPECT_EQ(failure.error, "no such device");
  EXPECT_EQ(failure.hint, "use cpu");
}

TEST(Messages, StudyDeclarationsKeepHeadlineAndVariables) {
  const StudyDeclaration study = {.version = 4,
                                  .variables = {{"heat", {.dims = {"row", "column"}}}},
                                  .headline = {"heat", "loss"}};

  const auto received = study_from_json(to_json(study));

  EXPECT_EQ(received.version, 4);
  EXPECT_EQ(received.headline, study.headline);
  EXPECT_EQ(received.variables.at("heat").dims, (std::vector<std::string>{"row", "column"}));
  EXPECT_EQ(received.variables.at("heat").units, "1");
}

TEST(PackFailure, ComesBackWhole) {
  const auto failure = std::get<PackFailure>(parse_message(
      serialize(PackFailure{.pack = 3, .cause = Cause::out_of_memory, .error = "12 GB wanted"})));

  EXPECT_EQ(failure.pack, 3);
  EXPECT_EQ(failure.cause, Cause::out_of_memory);
  EXPECT_EQ(failure.error, "12 GB wanted");
}

// --- what is refused ---

TEST(ParseMessage, IgnoresFieldsItDoesNotKnow) {
  const auto done =
      parse_message(R"({"type":"done","pack":1,"colour":"blue","extra":{"deep":[1]}})");

  EXPECT_EQ(std::get<Done>(done).pack, 1);
}

TEST(ParseMessage, NamesAMissingField) {
  EXPECT_EQ(complaint(R"({"type":"done"})"), "field 'pack' is missing in message 'done'");
  EXPECT_EQ(complaint(R"({"type":"pack","pack":1,"settings":{}})"),
            "field 'trials' is missing in message 'pack'");
  EXPECT_EQ(complaint(R"({"type":"ready","trainer":"t"})"),
            "field 'studies' is missing in message 'ready'");
}

TEST(ParseMessage, NamesAnUnknownTypeAndTheClosestKnown) {
  EXPECT_EQ(complaint(R"({"type":"resutl"})"),
            "unknown message type 'resutl', did you mean 'result'?");
}

TEST(ParseMessage, RefusesAnUnknownStatus) {
  EXPECT_EQ(complaint(R"({"type":"result","pack":1,"id":"a","status":"ok"})"),
            "unknown status 'ok' (want one of finished, diverged, failed)");
}

TEST(ParseMessage, RefusesWhatIsNoObjectWithAType) {
  EXPECT_NE(complaint("Traceback (most recent call last):"), "");
  EXPECT_NE(complaint(""), "");
  EXPECT_NE(complaint("[1, 2]"), "");
  EXPECT_NE(complaint(R"({"pack":1})"), "");
  EXPECT_NE(complaint(R"({"type":"done","pack":1} trailing)"), "");
}

TEST(Outcome, NamesComeBack) {
  for (const auto outcome : {Outcome::finished, Outcome::diverged, Outcome::failed}) {
    EXPECT_EQ(outcome_from(to_string(outcome)), outcome);
  }
}

TEST(Cause, NamesComeBack) {
  for (const auto cause : {Cause::none, Cause::exception, Cause::crash, Cause::killed, Cause::hang,
                           Cause::out_of_memory}) {
    EXPECT_EQ(cause_from(to_string(cause)), cause);
  }
  EXPECT_THROW(cause_from("bad weather"), ProtocolError);
}

}  // namespace
}  // namespace protocol
