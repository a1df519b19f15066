#include "sweep/coordinator.hpp"

#include <gtest/gtest.h>

#include "sweep/prepare.hpp"

namespace sweep {
namespace {

/// Four trials with ids 100..103 in two packs, and a notebook instead of ranks and files.
class CoordinatorTest : public testing::Test {
 protected:
  CoordinatorTest() {
    sweep_.grid.combinations.resize(1);
    sweep_.grid.trials = GridTrials({{.length = 4, .seeds = {0, 1, 2, 3}}}, {});
    sweep_.ids = {100, 101, 102, 103};
    coordinator_.emplace(
        sweep_, std::vector<Pack>{{.number = 0, .trials = {0, 1}}, {.number = 1, .trials = {2, 3}}},
        Coordinator::Outlets{
            .send = [this](int rank, const Command& command) { sent_.emplace_back(rank, command); },
            .record = [this](const auto& trial) { recorded_.push_back(trial); },
            .log = [](int, const auto&) {}});
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

  void finish(int rank, std::int64_t pack, results::TrialId id) {
    coordinator_->handle(rank, protocol::Result{.pack = pack, .id = results::to_hex(id)});
  }

  PreparedSweep sweep_;
  std::vector<std::pair<int, Command>> sent_;
  std::vector<results::TrialRecord> recorded_;
  std::optional<Coordinator> coordinator_;
};

TEST_F(CoordinatorTest, LendsAPackToEveryWorkerThatIsReady) {
  join(0);
  join(1);

  ASSERT_EQ(packs_sent_to(0).size(), 1U);
  ASSERT_EQ(packs_sent_to(1).size(), 1U);
  EXPECT_EQ(packs_sent_to(1)[0].trials[0].id, results::to_hex(102));
  EXPECT_EQ(packs_sent_to(1)[0].trials[0].seed, 2);
}

TEST_F(CoordinatorTest, RecordsResultsAndLendsTheNextPack) {
  join(0);
  finish(0, 0, 100);
  finish(0, 0, 101);
  coordinator_->handle(0, protocol::Done{.pack = 0});

  EXPECT_EQ(recorded_.size(), 2U);
  EXPECT_EQ(packs_sent_to(0).size(), 2U);
}

TEST_F(CoordinatorTest, TriesTheRestOfALostPackOnceMoreThenFailsIt) {
  join(0);
  finish(0, 0, 100);
  coordinator_->handle(0, PackLost{0, "trainer died: signal 11"});

  ASSERT_EQ(packs_sent_to(0).size(), 2U);
  const auto again = packs_sent_to(0)[1];
  EXPECT_EQ(again.attempt, 2);
  ASSERT_EQ(again.trials.size(), 1U) << "the finished trial is not trained again";

  coordinator_->handle(0, PackLost{again.pack, "trainer died: signal 11"});

  ASSERT_EQ(recorded_.size(), 2U);
  EXPECT_EQ(recorded_[1].id, 101U);
  EXPECT_EQ(recorded_[1].status, protocol::Outcome::failed);
  EXPECT_EQ(recorded_[1].cause, results::Cause::crash);
  EXPECT_EQ(recorded_[1].error, "trainer died: signal 11");
  EXPECT_EQ(recorded_[1].attempts, 2);
  EXPECT_EQ(packs_sent_to(0)[2].pack, 1) << "the sweep goes on";
}

TEST_F(CoordinatorTest, WakesAnIdleWorkerForATrialThatWaitsAgain) {
  join(0);
  join(1);
  finish(1, 1, 102);
  finish(1, 1, 103);
  coordinator_->handle(1, protocol::Done{.pack = 1});

  coordinator_->handle(0, PackLost{0, "trainer died"});

  EXPECT_EQ(packs_sent_to(0).size(), 2U);
  EXPECT_EQ(packs_sent_to(1).size(), 2U) << "the trials of the lost pack are tried apart";
}

TEST_F(CoordinatorTest, RecordsATrialWithoutResultAsFailed) {
  join(0);
  finish(0, 0, 100);
  for (int attempt = 0; attempt < 2; ++attempt) {
    coordinator_->handle(0, protocol::Done{.pack = 0});
  }

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
  coordinator_->handle(0, protocol::Done{.pack = 0});

  EXPECT_EQ(recorded_[0].cause, results::Cause::exception);
  EXPECT_EQ(packs_sent_to(0)[1].pack, 1);
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
    coordinator_->handle(0, protocol::Done{.pack = pack});
  }

  EXPECT_TRUE(coordinator_->is_finished());
  EXPECT_EQ(recorded_.size(), 4U);
}

}  // namespace
}  // namespace sweep
