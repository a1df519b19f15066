#include "sweep/coordinator.hpp"

#include <numeric>

#include <gtest/gtest.h>
#include <unistd.h>

#include "sweep/checkpoint_folder.hpp"
#include "sweep/outlook.hpp"
#include "sweep/prepare.hpp"
#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

/// Four trials with ids 100..103 in two packs, and a notebook instead of ranks and files. Twelve
/// trials are known, to 111.
class CoordinatorTest : public testing::Test {
 protected:
  CoordinatorTest() {
    sweep_.grid.combinations.resize(1);
    sweep_.grid.trials =
        GridTrials({{.length = 12, .seeds = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}}, {});
    sweep_.ids = {100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111};
    sweep_.costs = {1};
    begin(4, 2);
  }

  /// The first trials, in packs of `width`; `end_s` is when the time is over, that of now being 0.
  void begin(std::size_t num_trials, std::size_t width, double end_s = WaitingPacks::kAnyTime) {
    std::vector<std::size_t> trials(num_trials);
    std::iota(trials.begin(), trials.end(), 0);
    auto schedule = schedule_for(sweep_, {.groups = {{.trials = trials, .max_width = width}}},
                                 /*num_ranks=*/1);
    schedule.end_at(end_s, /*checkpoint_every_s=*/60);
    coordinator_.emplace(
        sweep_, std::move(schedule),
        Coordinator::Outlets{
            .send = [this](int rank, const Command& command) { sent_.emplace_back(rank, command); },
            .record = [this](const auto& trial) { recorded_.push_back(trial); },
            .record_pack = [this](const auto& pack) { recorded_packs_.push_back(pack); },
            .log = [](int, const auto&) {},
            .drop_checkpoint = [this](std::uint64_t key) { checkpoints_.remove(key); }},
        &checkpoints_);
  }

  void lose(int rank, std::int64_t pack) {
    coordinator_->handle(rank, PackEnd{pack, protocol::Cause::crash, "trainer died: signal 11"});
  }

  /// A rank that can train; gets a pack if one waits.
  void join(int rank) {
    coordinator_->start_worker(rank, {});
    coordinator_->handle(rank, WorkerReady{"node1", "cpu"});
  }

  /// The packs that a rank was sent, in order.
  std::vector<protocol::PackRequest> packs_sent_to(int rank) const {
    std::vector<protocol::PackRequest> packs;
    for (const auto& [to, command] : sent_) {
      const auto* pack = std::get_if<protocol::PackRequest>(&command);
      if (to == rank && pack != nullptr) packs.push_back(*pack);
    }
    return packs;
  }

  /// How often a rank was asked for packs that it has not begun.
  std::ptrdiff_t num_requests_to_return(int rank) const {
    return std::ranges::count_if(sent_, [rank](const auto& sent) {
      return sent.first == rank && std::holds_alternative<ReturnPacks>(sent.second);
    });
  }

  void finish(int rank, std::int64_t pack, results::TrialId id) {
    coordinator_->handle(rank, protocol::Result{.pack = pack, .id = results::to_hex(id)});
  }

  /// What a trainer does that saves a pack.
  static void save(const protocol::PackRequest& pack, const std::string& state) {
    write_bytes(pack.checkpoint, state);
  }

  TemporaryFolder folder_;
  CheckpointFolder checkpoints_{folder_.path()};
  PreparedSweep sweep_;
  std::vector<std::pair<int, Command>> sent_;
  std::vector<results::TrialRecord> recorded_;
  std::vector<results::PackRecord> recorded_packs_;
  std::optional<Coordinator> coordinator_;
};

TEST_F(CoordinatorTest, LendsNothingToARankThatIsLeftIdle) {
  coordinator_->leave_idle(3, {.node = "n2"}, "no GPU is visible on n2");
  join(0);

  EXPECT_TRUE(packs_sent_to(3).empty());
  EXPECT_TRUE(coordinator_->has_heard_of_all());
  EXPECT_FALSE(coordinator_->is_stuck());
  EXPECT_EQ(coordinator_->totals()[1].info.host, "n2");
}

TEST_F(CoordinatorTest, LendsAPackToEveryWorkerThatIsReady) {
  join(0);
  join(1);

  ASSERT_EQ(packs_sent_to(0).size(), 1U);
  ASSERT_EQ(packs_sent_to(1).size(), 1U);
  EXPECT_EQ(packs_sent_to(1)[0].trials[0].id, results::to_hex(102));
  EXPECT_EQ(packs_sent_to(1)[0].trials[0].seed, 2);
}

TEST_F(CoordinatorTest, LendsNothingThatThereIsNoTimeFor) {
  begin(4, 2, /*end_s=*/0);
  join(0);

  EXPECT_TRUE(packs_sent_to(0).empty());
  EXPECT_TRUE(coordinator_->is_out_of_time());
  EXPECT_EQ(coordinator_->held_back().num_packs, 2U);
  EXPECT_EQ(coordinator_->held_back().num_trials, 4U);
}

TEST_F(CoordinatorTest, AsksForAPackAheadThatWouldBeginTooLate) {
  begin(12, 1, /*end_s=*/10'000);
  join(0);
  join(1);
  ASSERT_EQ(packs_sent_to(0).size(), 2U) << "one lies ready";
  coordinator_->tick();
  ASSERT_EQ(num_requests_to_return(0), 0);

  const auto pack = packs_sent_to(1).front();
  finish(1, pack.pack, 102);
  coordinator_->handle(1, PackEnd{.pack = pack.pack, .busy_s = 20'000});
  coordinator_->tick();
  coordinator_->tick();

  EXPECT_EQ(num_requests_to_return(0), 1) << "packs take longer than there is time";
}

TEST_F(CoordinatorTest, RecordsResultsAndLendsTheNextPack) {
  join(0);
  finish(0, 0, 100);
  finish(0, 0, 101);
  coordinator_->handle(0, PackEnd{.pack = 0});

  EXPECT_EQ(recorded_.size(), 2U);
  EXPECT_EQ(packs_sent_to(0).size(), 2U);
}

TEST_F(CoordinatorTest, TriesTheRestOfALostPackOnceMoreThenFailsIt) {
  join(0);
  finish(0, 0, 100);
  lose(0, 0);

  ASSERT_EQ(packs_sent_to(0).size(), 2U);
  const auto again = packs_sent_to(0)[1];
  EXPECT_EQ(again.attempt, 2);
  ASSERT_EQ(again.trials.size(), 1U) << "the finished trial is not trained again";

  lose(0, again.pack);

  ASSERT_EQ(recorded_.size(), 2U);
  EXPECT_EQ(recorded_[1].id, 101U);
  EXPECT_EQ(recorded_[1].status, protocol::Outcome::failed);
  EXPECT_EQ(recorded_[1].cause, protocol::Cause::crash);
  EXPECT_EQ(recorded_[1].error, "trainer died: signal 11");
  EXPECT_EQ(recorded_[1].attempts, 2);
  EXPECT_EQ(packs_sent_to(0)[2].trials[0].id, results::to_hex(102)) << "the sweep goes on";
}

TEST_F(CoordinatorTest, WakesAnIdleWorkerForATrialThatWaitsAgain) {
  join(0);
  join(1);
  finish(1, 1, 102);
  finish(1, 1, 103);
  coordinator_->handle(1, PackEnd{.pack = 1});

  lose(0, 0);

  EXPECT_EQ(packs_sent_to(0).size(), 2U);
  EXPECT_EQ(packs_sent_to(1).size(), 2U) << "the trials of the lost pack are tried apart";
}

TEST_F(CoordinatorTest, RecordsATrialWithoutResultAsFailed) {
  join(0);
  finish(0, 0, 100);
  coordinator_->handle(0, PackEnd{.pack = 0});
  coordinator_->handle(0, PackEnd{.pack = packs_sent_to(0).back().pack});

  ASSERT_EQ(recorded_.size(), 2U);
  EXPECT_EQ(recorded_[1].error, "the trainer gave no result for this trial");
}

TEST_F(CoordinatorTest, TakesAnExceptionForAResultThatIsNotTriedAgain) {
  join(0);
  coordinator_->handle(0, protocol::Result{.pack = 0,
                                           .id = results::to_hex(100),
                                           .status = protocol::Outcome::failed,
                                           .error = "bad luck"});
  finish(0, 0, 101);
  coordinator_->handle(0, PackEnd{.pack = 0});

  EXPECT_EQ(recorded_[0].cause, protocol::Cause::exception);
  EXPECT_EQ(packs_sent_to(0)[1].pack, 1);
}

TEST_F(CoordinatorTest, TakesNoNoticeOfLateMessagesOfAFormerAttempt) {
  join(0);
  lose(0, 0);
  const auto now = packs_sent_to(0).back();

  finish(0, 0, 100);
  coordinator_->handle(0, PackEnd{.pack = 0});
  lose(0, 0);

  EXPECT_TRUE(recorded_.empty());
  EXPECT_EQ(packs_sent_to(0).back().pack, now.pack) << "it is still lent";
}

TEST_F(CoordinatorTest, TriesThePackApartThatItsTrainerCannotTrain) {
  coordinator_->start_worker(1, {});  // is not ready yet
  join(0);
  coordinator_->handle(
      0, PackEnd{.pack = 0, .cause = protocol::Cause::exception, .reason = "no data"});
  const auto apart = packs_sent_to(0).back();
  EXPECT_EQ(apart.trials.size(), 1U);

  coordinator_->handle(
      0, PackEnd{.pack = apart.pack, .cause = protocol::Cause::exception, .reason = "no data"});

  ASSERT_EQ(recorded_.size(), 1U);
  EXPECT_EQ(recorded_[0].cause, protocol::Cause::exception);
  EXPECT_EQ(recorded_[0].error, "no data");
  EXPECT_EQ(recorded_[0].attempts, 2);
}

TEST_F(CoordinatorTest, RecordsThePackBeforeItsTrainerCanSaveIt) {
  join(0);

  ASSERT_EQ(recorded_packs_.size(), 1U);
  EXPECT_EQ(recorded_packs_[0].trials, (std::vector<results::TrialId>{100, 101}));
  const auto pack = packs_sent_to(0)[0];
  EXPECT_EQ(pack.checkpoint, checkpoints_.path_of(recorded_packs_[0].key));
  EXPECT_EQ(pack.checkpoint_every_s, 60) << "the default";
  EXPECT_FALSE(pack.resume);
}

TEST_F(CoordinatorTest, RemovesTheStateOfAPackThatIsDone) {
  join(0);
  const auto pack = packs_sent_to(0)[0];
  save(pack, "half of it");
  finish(0, 0, 100);
  finish(0, 0, 101);

  coordinator_->handle(0, PackEnd{.pack = 0});

  EXPECT_FALSE(std::filesystem::exists(pack.checkpoint));
}

TEST_F(CoordinatorTest, LetsEachTrialOfALostPackGoOnFromItsState) {
  coordinator_->start_worker(1, {});  // is not ready yet
  join(0);
  const auto whole = packs_sent_to(0)[0];
  save(whole, "half of it");

  lose(0, 0);
  const auto first = packs_sent_to(0)[1];
  EXPECT_TRUE(first.resume);
  EXPECT_EQ(read_bytes(first.checkpoint), "half of it");
  EXPECT_TRUE(std::filesystem::exists(whole.checkpoint)) << "the other trial waits for it";
  save(first, "more of it");
  finish(0, first.pack, 100);
  coordinator_->handle(0, PackEnd{.pack = first.pack});
  const auto second = packs_sent_to(0)[2];

  EXPECT_EQ(read_bytes(second.checkpoint), "half of it");
  EXPECT_FALSE(std::filesystem::exists(first.checkpoint));
  EXPECT_FALSE(std::filesystem::exists(whole.checkpoint));
}

TEST_F(CoordinatorTest, ForgetsTheStateOfATrialThatIsGivenUp) {
  join(0);
  finish(0, 0, 100);
  lose(0, 0);
  const auto last = packs_sent_to(0)[1];
  save(last, "the way to a crash");

  lose(0, last.pack);

  EXPECT_EQ(recorded_.back().status, protocol::Outcome::failed);
  EXPECT_TRUE(checkpoints_.keys().empty());
}

TEST_F(CoordinatorTest, AsksForThePacksThatAreTrainingWhenItStopsAndLendsNoMore) {
  join(0);
  join(1);
  coordinator_->stop();
  EXPECT_TRUE(std::holds_alternative<StopPack>(sent_.at(sent_.size() - 1).second));
  EXPECT_TRUE(std::holds_alternative<StopPack>(sent_.at(sent_.size() - 2).second));
  const auto saved = packs_sent_to(0)[0];
  save(saved, "half of it");

  coordinator_->handle(0, PackEnd{.pack = 0});
  finish(1, 1, 102);
  finish(1, 1, 103);
  coordinator_->handle(1, PackEnd{.pack = 1});

  EXPECT_EQ(coordinator_->num_training(), 0U);
  EXPECT_EQ(recorded_.size(), 2U) << "those without a result are no failures";
  EXPECT_EQ(packs_sent_to(0).size(), 1U);
  EXPECT_TRUE(std::filesystem::exists(saved.checkpoint));
}

TEST_F(CoordinatorTest, LendsAPackAheadWhileMorePacksWaitThanThereAreWorkers) {
  begin(12, 3);

  join(0);

  ASSERT_EQ(packs_sent_to(0).size(), 2U) << "four packs: one trains, one lies ready, two wait";
  EXPECT_EQ(packs_sent_to(0)[1].pack, 1);
  EXPECT_EQ(coordinator_->num_training(), 1U);
}

// 50 ms of packs that take 20 ms each: 2.5, so three beside the one in training.
TEST_F(CoordinatorTest, LendsMorePacksAheadTheShorterTheyAre) {
  begin(12, 1);
  join(0);
  finish(0, 0, 100);

  coordinator_->handle(0, PackEnd{.pack = 0, .busy_s = 0.02});

  EXPECT_EQ(packs_sent_to(0).size(), 1U + 1U + 3U);
}

TEST_F(CoordinatorTest, CountsAPackAheadAsBegunWhenThatOfALostTrainerHasEnded) {
  begin(12, 3);
  join(0);

  lose(0, 0);
  finish(0, 1, 103);

  ASSERT_EQ(recorded_.size(), 1U);
  EXPECT_EQ(recorded_[0].id, 103U);
  EXPECT_EQ(recorded_[0].attempts, 1);
}

TEST_F(CoordinatorTest, LendsAReturnedPackAgainAsTheSameAttempt) {
  begin(12, 3);
  join(0);
  save(packs_sent_to(0)[1], "half of it");

  coordinator_->handle(0, PackReturned{1});
  join(1);

  const auto again = packs_sent_to(1).at(0);
  EXPECT_EQ(again.trials.at(0).id, results::to_hex(103));
  EXPECT_EQ(again.attempt, 1);
  EXPECT_TRUE(again.resume);
  EXPECT_EQ(read_bytes(again.checkpoint), "half of it");
  EXPECT_TRUE(recorded_.empty());
}

TEST_F(CoordinatorTest, AsksForPacksAheadWhenAnotherWorkerFindsNone) {
  begin(12, 3);
  join(0);  // packs 0 and 1
  join(1);  // pack 2; 3 waits
  join(2);  // pack 3
  EXPECT_EQ(num_requests_to_return(0), 0);
  finish(2, 3, 109);
  finish(2, 3, 110);
  finish(2, 3, 111);

  coordinator_->handle(2, PackEnd{.pack = 3});
  EXPECT_EQ(num_requests_to_return(0), 1);
  coordinator_->handle(0, PackReturned{1});

  EXPECT_EQ(packs_sent_to(2).back().trials.at(0).id, results::to_hex(103));
  EXPECT_EQ(num_requests_to_return(1), 0) << "it has none ahead";
}

TEST_F(CoordinatorTest, AsksForPacksAheadWhenOneNeedsTooMuchMemoryAndNarrowsThem) {
  begin(12, 2);
  coordinator_->start_worker(1, {});
  join(0);  // packs 0 and 1
  join(1);  // packs 2 and 3

  coordinator_->handle(
      0, PackEnd{.pack = 0, .cause = protocol::Cause::out_of_memory, .reason = "too wide"});
  EXPECT_EQ(num_requests_to_return(1), 1);
  coordinator_->handle(0, PackReturned{1});
  coordinator_->handle(1, PackReturned{3});
  const auto num_sent = sent_.size();
  coordinator_->handle(1, PackEnd{.pack = 2});

  ASSERT_GT(sent_.size(), num_sent);
  const auto next = std::get<protocol::PackRequest>(sent_[num_sent].second);
  EXPECT_EQ(next.trials.size(), 1U);
}

TEST_F(CoordinatorTest, RecordsNothingOfPacksAheadWhenItStops) {
  begin(12, 3);
  join(0);
  coordinator_->stop();

  coordinator_->handle(0, PackReturned{1});
  EXPECT_EQ(coordinator_->num_training(), 1U);
  coordinator_->handle(0, PackEnd{.pack = 0});

  EXPECT_EQ(coordinator_->num_training(), 0U);
  EXPECT_TRUE(recorded_.empty());
  EXPECT_EQ(packs_sent_to(0).size(), 2U) << "nothing more is lent";
}

TEST_F(CoordinatorTest, AddsUpTheBusyTimeThatWorkersMeasured) {
  join(0);

  coordinator_->handle(0, PackEnd{.pack = 0, .busy_s = 1.5});
  coordinator_->handle(0, PackEnd{.pack = packs_sent_to(0).at(1).pack, .busy_s = 2.25});

  EXPECT_EQ(coordinator_->workers().at(0).total.busy_s, 3.75);
  EXPECT_EQ(coordinator_->workers().at(0).total.packs, 2);
}

TEST_F(CoordinatorTest, CountsTheTimeOfAWorkerFromWhenItIsReady) {
  coordinator_->start_worker(0, {});
  coordinator_->start_worker(1, {});
  coordinator_->handle(0, WorkerReady{"node1", "cpu"});
  usleep(2'000);

  const auto totals = coordinator_->totals();

  ASSERT_EQ(totals.size(), 2U);
  EXPECT_GE(totals[0].allocated_s, 0.002);
  EXPECT_GE(totals[0].busy_s, 0.002) << "its pack counts while it trains";
  EXPECT_LE(totals[0].busy_s, totals[0].allocated_s);
  EXPECT_EQ(totals[1].allocated_s, 0) << "it is not ready";
}

TEST_F(CoordinatorTest, IsStuckWhenNoWorkerCanTrain) {
  coordinator_->start_worker(0, {});
  EXPECT_FALSE(coordinator_->is_stuck());

  coordinator_->handle(0, WorkerUnable{"no GPU"});

  EXPECT_TRUE(coordinator_->is_stuck());
  EXPECT_EQ(coordinator_->last_trouble(), "no GPU");
}

TEST_F(CoordinatorTest, IsFinishedWhenAllPacksHaveEnded) {
  join(0);
  for (std::int64_t pack = 0; pack < 2; ++pack) {
    finish(0, pack, 100 + 2 * static_cast<results::TrialId>(pack));
    finish(0, pack, 101 + 2 * static_cast<results::TrialId>(pack));
    EXPECT_FALSE(coordinator_->is_finished());
    coordinator_->handle(0, PackEnd{.pack = pack});
  }

  EXPECT_TRUE(coordinator_->is_finished());
  EXPECT_EQ(recorded_.size(), 4U);
}

}  // namespace
}  // namespace sweep
