#include "sweep/worker.hpp"

#include <chrono>
#include <csignal>
#include <deque>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

/// A worker with a scripted trainer, driven until it has nothing more to do.
class WorkerTest : public testing::Test {
 protected:
  void start(double trial_timeout_s = 0) {
    worker_.handle(StartWorker{.trainer = {.program = {SCRIPTED_TRAINER}},
                               .device = "cpu",
                               .trial_timeout_s = trial_timeout_s});
  }

  void lend(std::int64_t number, const nlohmann::json& settings) {
    protocol::PackRequest pack{.pack = number, .settings = settings};
    for (int seed = 0; seed < 3; ++seed) {
      pack.trials.push_back({.id = std::to_string(seed), .seed = seed, .learning_rate = 0.5});
    }
    worker_.handle(pack);
  }

  /// The next reports, up to the first of a type, or of 20 s.
  template <class Last>
  std::vector<Report> reports_until() {
    std::vector<Report> all;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      for (auto& report : worker_.poll())
        unread_.push_back(std::move(report));
      while (!unread_.empty()) {
        all.push_back(std::move(unread_.front()));
        unread_.pop_front();
        if (std::holds_alternative<Last>(all.back())) return all;
      }
      worker_.wait(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "the expected report did not come";
    return all;
  }

  template <class Kind>
  static std::size_t count(const std::vector<Report>& reports) {
    return static_cast<std::size_t>(
        std::count_if(reports.begin(), reports.end(),
                      [](const auto& report) { return std::holds_alternative<Kind>(report); }));
  }

  Worker worker_;
  std::deque<Report> unread_;
};

TEST_F(WorkerTest, TellsWhenItsTrainerIsReady) {
  start();

  EXPECT_EQ(std::get<WorkerReady>(reports_until<WorkerReady>().back()).device, "nothing");
}

TEST_F(WorkerTest, EndsATrainerThatWasStartedAheadIfNobodyWantsIt) {
  const TemporaryFolder folder;
  const auto number_file = (folder.path() / "number").string();
  Worker worker(std::make_unique<TrainerProcess>(TrainerCommand{
                    .program = {"bash", "-c", "echo $$ > " + number_file + "; exec sleep 1000"}}),
                /*patience=*/std::chrono::milliseconds(0));
  pid_t trainer = 0;
  while (!(std::ifstream(number_file) >> trainer))
    usleep(1000);

  worker.poll();

  EXPECT_NE(kill(trainer, 0), 0);
}

TEST_F(WorkerTest, ReportsEveryTrialOfAPack) {
  start();
  lend(1, nlohmann::json::object());

  const auto reports = reports_until<PackEnd>();

  EXPECT_EQ(count<protocol::Result>(reports), 3U);
}

TEST_F(WorkerTest, KeepsItsTrainerWarmBetweenPacks) {
  start();
  lend(1, nlohmann::json::object());
  reports_until<PackEnd>();
  lend(2, nlohmann::json::object());

  const auto reports = reports_until<PackEnd>();

  EXPECT_EQ(count<WorkerReady>(reports), 0U);
  EXPECT_EQ(std::get<PackEnd>(reports.back()).pack, 2);
}

struct Trouble {
  std::string name = {};
  std::string reason = {};  // part of the report
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for
void PrintTo(const Trouble& trouble, std::ostream* out) {
  *out << trouble.name;
}

class WorkerTroubleTest : public WorkerTest, public testing::WithParamInterface<Trouble> {};

TEST_P(WorkerTroubleTest, ReportsTheLossAndTrainsTheNextPackWithAFreshTrainer) {
  start(/*trial_timeout_s=*/1);
  lend(1, {{"trouble", GetParam().name}, {"trouble_seed", 1}});

  const auto reports = reports_until<PackEnd>();
  lend(2, nlohmann::json::object());
  const auto later = reports_until<PackEnd>();

  EXPECT_EQ(count<protocol::Result>(reports), 1U) << "the trial before the trouble";
  EXPECT_NE(std::get<PackEnd>(reports.back()).reason.find(GetParam().reason), std::string::npos)
      << std::get<PackEnd>(reports.back()).reason;
  EXPECT_EQ(count<protocol::Result>(later), 3U);
}

TEST_P(WorkerTroubleTest, TrainsThePackAheadWithAFreshTrainer) {
  start(/*trial_timeout_s=*/1);
  lend(1, {{"trouble", GetParam().name}, {"trouble_seed", 1}});
  lend(2, nlohmann::json::object());

  const auto lost = std::get<PackEnd>(reports_until<PackEnd>().back());
  const auto later = reports_until<PackEnd>();

  EXPECT_EQ(lost.pack, 1);
  EXPECT_NE(lost.cause, protocol::Cause::none);
  EXPECT_EQ(count<protocol::Result>(later), 3U);
  EXPECT_EQ(std::get<PackEnd>(later.back()).pack, 2);
  EXPECT_EQ(std::get<PackEnd>(later.back()).cause, protocol::Cause::none);
}

INSTANTIATE_TEST_SUITE_P(
    All, WorkerTroubleTest,
    testing::Values(Trouble{"abort", "signal 6"}, Trouble{"segfault", "signal 11"},
                    Trouble{"exit", "exit code 7; it printed last: about to exit"},
                    Trouble{"hang", "it said nothing for 1 s"}, Trouble{"garbage", "JSON"},
                    Trouble{"half_line", "exit code 0"}, Trouble{"exit_0", "exit code 0"},
                    Trouble{"unknown_message", "unknown message type 'dance'"}),
    [](const auto& test) { return test.param.name; });

TEST_F(WorkerTest, IsUnableIfItsTrainerCannotStart) {
  worker_.handle(StartWorker{.trainer = {.program = {"/nowhere/trainer"}}});

  const auto reports = reports_until<WorkerUnable>();

  EXPECT_NE(std::get<WorkerUnable>(reports.back()).reason.find("cannot start /nowhere/trainer"),
            std::string::npos);
}

TEST_F(WorkerTest, TellsAHangACrashAndAKillApart) {
  start(/*trial_timeout_s=*/1);
  lend(1, {{"trouble", "hang"}, {"trouble_seed", 1}});
  EXPECT_EQ(std::get<PackEnd>(reports_until<PackEnd>().back()).cause, protocol::Cause::hang);

  lend(2, {{"trouble", "abort"}, {"trouble_seed", 1}});
  EXPECT_EQ(std::get<PackEnd>(reports_until<PackEnd>().back()).cause, protocol::Cause::crash);

  lend(3, {{"trouble", "kill_itself"}, {"trouble_seed", 1}});
  EXPECT_EQ(std::get<PackEnd>(reports_until<PackEnd>().back()).cause, protocol::Cause::killed);
}

TEST_F(WorkerTest, PassesOnThatAPackNeedsTooMuchMemory) {
  start();
  lend(1, {{"trouble", "out_of_memory"}, {"memory_width", 2}});

  const auto failure = std::get<PackEnd>(reports_until<PackEnd>().back());

  EXPECT_EQ(failure.pack, 1);
  EXPECT_EQ(failure.cause, protocol::Cause::out_of_memory);
}

TEST_F(WorkerTest, AsksItsTrainerToGiveBackThePack) {
  start();
  reports_until<WorkerReady>();
  lend(1, {{"sleep_ms", 200}, {"heeds_stop", true}});
  worker_.handle(StopPack{});

  const auto reports = reports_until<PackEnd>();

  EXPECT_LT(count<protocol::Result>(reports), 3U);
}

// The stop that it leaves unread must not be taken for the pack, which would be trained anew.
TEST_F(WorkerTest, EndsThePackOfATrainerThatDiesWithoutReadingTheStop) {
  start();
  lend(1, nlohmann::json::object());
  reports_until<PackEnd>();
  lend(2, {{"sleep_ms", 200}, {"trouble", "exit"}, {"trouble_seed", 0}});
  usleep(100'000);  // it has read the pack, and nothing more
  worker_.handle(StopPack{});

  const auto reports = reports_until<PackEnd>();

  EXPECT_EQ(std::get<PackEnd>(reports.back()).cause, protocol::Cause::crash);
  std::string output;
  for (const auto& report : reports)
    if (const auto* printed = std::get_if<TrainerOutput>(&report)) output += printed->text;
  EXPECT_EQ(output, "about to exit\n") << "once";
}

TEST_F(WorkerTest, GivesBackAPackAtOnceWhoseTrainerHasNotBegun) {
  start();
  lend(1, {{"sleep_ms", 10'000}});
  worker_.handle(StopPack{});

  EXPECT_EQ(std::get<PackReturned>(reports_until<PackReturned>().back()).pack, 1);
}

TEST_F(WorkerTest, TrainsPacksAheadInTheirOrder) {
  start();
  for (std::int64_t pack = 1; pack <= 3; ++pack)
    lend(pack, nlohmann::json::object());

  for (std::int64_t pack = 1; pack <= 3; ++pack) {
    const auto reports = reports_until<PackEnd>();
    EXPECT_EQ(count<protocol::Result>(reports), 3U);
    EXPECT_EQ(std::get<PackEnd>(reports.back()).pack, pack);
  }
}

TEST_F(WorkerTest, DoesNotWaitForATrainerThatTrainsToReadTheNextPack) {
  start();
  lend(1, {{"sleep_ms", 100}});
  lend(2, {{"note", std::string(4'000'000, 'a')}});  // more than a socket holds
  EXPECT_EQ(std::get<PackEnd>(reports_until<PackEnd>().back()).pack, 1);

  const auto reports = reports_until<PackEnd>();

  EXPECT_EQ(std::get<PackEnd>(reports.back()).cause, protocol::Cause::none);
  EXPECT_EQ(count<protocol::Result>(reports), 3U);
}

/// A trainer may end between two packs, before or after the next has been sent.
class WorkerLeavingTest : public WorkerTest, public testing::WithParamInterface<const char*> {};

TEST_P(WorkerLeavingTest, GivesAFreshTrainerThePackThatTheFormerDidNotRead) {
  start();
  lend(1, {{"trouble", GetParam()}});
  lend(2, {{"trouble", GetParam()}});
  lend(3, nlohmann::json::object());

  for (std::int64_t pack = 1; pack <= 3; ++pack) {
    const auto reports = reports_until<PackEnd>();
    EXPECT_EQ(std::get<PackEnd>(reports.back()).pack, pack);
    EXPECT_EQ(std::get<PackEnd>(reports.back()).reason, "");
    EXPECT_EQ(count<protocol::Result>(reports), 3U);
  }
}

INSTANTIATE_TEST_SUITE_P(All, WorkerLeavingTest, testing::Values("leave", "linger"),
                         [](const auto& test) { return std::string(test.param); });

// Three packs of 0.9 s: the last one waits for longer than a trainer may be silent.
TEST_F(WorkerTest, CountsSilenceForThePackInTrainingAlone) {
  start(/*trial_timeout_s=*/1.5);
  for (std::int64_t pack = 1; pack <= 3; ++pack)
    lend(pack, {{"sleep_ms", 300}});

  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(std::get<PackEnd>(reports_until<PackEnd>().back()).reason, "");
}

// A pack that lies ready for 0.3 s must not count them, or both would take longer than the test.
TEST_F(WorkerTest, MeasuresFromWhenTheTrainerCanBeginAPack) {
  using Clock = std::chrono::steady_clock;
  start();
  reports_until<WorkerReady>();
  const auto begin = Clock::now();
  lend(1, {{"sleep_ms", 100}});
  lend(2, nlohmann::json::object());

  const auto first = std::get<PackEnd>(reports_until<PackEnd>().back());
  const auto second = std::get<PackEnd>(reports_until<PackEnd>().back());

  const std::chrono::duration<double> all = Clock::now() - begin;
  EXPECT_GE(first.busy_s, 0.3) << "three trials";
  EXPECT_GT(second.busy_s, 0);
  EXPECT_LE(first.busy_s + second.busy_s, all.count());
}

TEST_F(WorkerTest, ReturnsThePacksThatHaveNotBegunLastOneFirst) {
  start();
  reports_until<WorkerReady>();
  lend(1, {{"sleep_ms", 100}});
  lend(2, nlohmann::json::object());
  lend(3, nlohmann::json::object());
  worker_.handle(ReturnPacks{});

  const auto reports = reports_until<PackEnd>();

  ASSERT_EQ(count<PackReturned>(reports), 2U);
  EXPECT_EQ(std::get<PackReturned>(reports[0]).pack, 3);
  EXPECT_EQ(std::get<PackReturned>(reports[1]).pack, 2);
  EXPECT_EQ(std::get<PackEnd>(reports.back()).pack, 1);
}

TEST_F(WorkerTest, ReturnsThePacksAheadWhenItIsStopped) {
  start();
  reports_until<WorkerReady>();
  lend(1, {{"sleep_ms", 200}, {"heeds_stop", true}});
  lend(2, nlohmann::json::object());
  worker_.handle(StopPack{});

  const auto reports = reports_until<PackEnd>();

  EXPECT_EQ(std::get<PackReturned>(reports[0]).pack, 2);
  EXPECT_EQ(std::get<PackEnd>(reports.back()).pack, 1);
  EXPECT_LT(count<protocol::Result>(reports), 3U);
}

TEST_F(WorkerTest, ReturnsThePacksAheadOfOneThatNeedsTooMuchMemory) {
  start();
  lend(1, {{"trouble", "out_of_memory"}, {"memory_width", 2}});
  lend(2, {{"trouble", "out_of_memory"}, {"memory_width", 2}});

  const auto reports = reports_until<PackReturned>();

  EXPECT_EQ(count<PackEnd>(reports), 1U);
  EXPECT_EQ(std::get<PackReturned>(reports.back()).pack, 2);
}

TEST_F(WorkerTest, QuitsWhenToldTo) {
  worker_.handle(QuitWorker{});

  EXPECT_TRUE(worker_.has_quit());
}

}  // namespace
}  // namespace sweep
