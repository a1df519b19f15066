#include "sweep/worker_messages.hpp"

#include <gtest/gtest.h>

namespace sweep {
namespace {

TEST(WorkerMessages, CarryACommandUnchanged) {
  const StartWorker start{
      .trainer = {.program = {"python3", "t.py"}, .folder = "/a b", .threads = 2},
      .device = "cuda:1",
      .trial_timeout_s = 1.5};

  const auto command = parse_command(serialize(Command(start)));

  const auto* back = std::get_if<StartWorker>(&command);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->trainer.program, start.trainer.program);
  EXPECT_EQ(back->trainer.folder, "/a b");
  EXPECT_EQ(back->trainer.threads, 2);
  EXPECT_EQ(back->device, "cuda:1");
  EXPECT_EQ(back->trial_timeout_s, 1.5);
}

TEST(WorkerMessages, CarryAPackRequestUnchanged) {
  protocol::PackRequest pack{.pack = 7, .attempt = 2, .settings = {{"epochs", 3}}};
  pack.trials.push_back({.id = "00ff", .seed = 1, .learning_rate = 0.1});

  const auto command = parse_command(serialize(Command(pack)));

  const auto* back = std::get_if<protocol::PackRequest>(&command);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->pack, 7);
  EXPECT_EQ(back->attempt, 2);
  EXPECT_EQ(back->settings, pack.settings);
  ASSERT_EQ(back->trials.size(), 1U);
  EXPECT_EQ(back->trials[0].learning_rate, 0.1);
}

TEST(WorkerMessages, CarryReportsUnchanged) {
  const auto through = [](const Report& report) { return parse_report(serialize(report)); };

  EXPECT_EQ(std::get<WorkerReady>(through(WorkerReady{"node1", "cpu"})).host, "node1");
  EXPECT_EQ(std::get<WorkerUnable>(through(WorkerUnable{"no GPU"})).reason, "no GPU");
  const auto end = std::get<PackEnd>(
      through(PackEnd{7, protocol::Cause::hang, "it said nothing", /*busy_s=*/1.5}));
  EXPECT_EQ(end.pack, 7);
  EXPECT_EQ(end.cause, protocol::Cause::hang);
  EXPECT_EQ(end.reason, "it said nothing");
  EXPECT_EQ(end.busy_s, 1.5);
  EXPECT_EQ(std::get<PackReturned>(through(PackReturned{3})).pack, 3);
  EXPECT_EQ(std::get<StopAsked>(through(StopAsked{15})).signal, 15);
  EXPECT_EQ(std::get<protocol::Result>(through(protocol::Result{.pack = 3, .id = "0a"})).id, "0a");
}

TEST(WorkerMessages, CarrySeveralReportsTogetherInTheirOrder) {
  const std::vector<Report> reports = {TrainerOutput{"two\nlines\n"},
                                       protocol::Result{.pack = 3, .id = "0a"}, PackEnd{.pack = 3}};

  const auto texts = serialize_together(reports);

  ASSERT_EQ(texts.size(), 1U);
  const auto back = parse_reports(texts[0]);
  ASSERT_EQ(back.size(), 3U);
  EXPECT_EQ(std::get<TrainerOutput>(back[0]).text, "two\nlines\n");
  EXPECT_EQ(std::get<protocol::Result>(back[1]).id, "0a");
  EXPECT_EQ(std::get<PackEnd>(back[2]).pack, 3);
}

TEST(WorkerMessages, StayShortHoweverMuchThereIsToSay) {
  const std::string page(400'000, 'a');

  const auto texts = serialize_together(std::vector<Report>(7, TrainerOutput{page}));

  ASSERT_EQ(texts.size(), 3U);  // a text is full from 1,048,576 bytes on: after three pages
  EXPECT_EQ(parse_reports(texts[0]).size(), 3U);
  EXPECT_EQ(parse_reports(texts[2]).size(), 1U);
}

TEST(WorkerMessages, AreNoneWhereThereIsNothingToSay) {
  EXPECT_TRUE(serialize_together({}).empty());
}

TEST(WorkerMessages, CarryOutputThatIsNotUtf8) {
  const auto report =
      parse_report(serialize(Report(TrainerOutput{"ab\xff"
                                                  "c"})));

  EXPECT_EQ(std::get<TrainerOutput>(report).text,
            "ab\xEF\xBF\xBD"
            "c")
      << "the replacement sign";
}

TEST(WorkerMessages, RefuseWhatIsNoMessage) {
  EXPECT_THROW(parse_command("{"), protocol::ProtocolError);
  EXPECT_THROW(parse_command(R"({"type":"dance"})"), protocol::ProtocolError);
  EXPECT_THROW(parse_report(R"({"type":"pack_end"})"), protocol::ProtocolError);
  EXPECT_THROW(parse_report(R"({"type":"stop"})"), protocol::ProtocolError);
  EXPECT_THROW(parse_report(R"({"pack":1,"type":"done"})"), protocol::ProtocolError);
  EXPECT_THROW(parse_reports(""), protocol::ProtocolError);
  EXPECT_THROW(parse_reports("{\"pack\":1,\"type\":\"pack_returned\"}\n"), protocol::ProtocolError);
}

TEST(WorkerMessages, RefuseNumbersOfAnotherType) {
  EXPECT_THROW(
      parse_report(R"({"type":"pack_end","pack":1e300,"cause":"crash","reason":"","busy_s":0})"),
      protocol::ProtocolError);
  EXPECT_THROW(parse_command(R"({"type":"start","program":[],"folder":"","threads":4294967297,)"
                             R"("device":0,"trial_timeout_s":0})"),
               protocol::ProtocolError);
}

}  // namespace
}  // namespace sweep
