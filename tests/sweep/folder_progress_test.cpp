#include "sweep/folder_progress.hpp"

#include <gtest/gtest.h>

#include "results/journal.hpp"
#include "results/records.hpp"
#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

TEST(FolderProgress, OfAnEmptyFolderIsNone) {
  const TemporaryFolder folder;
  EXPECT_FALSE(has_moved({}, progress_in(folder.path())));
  EXPECT_FALSE(has_moved({}, progress_in(folder.path() / "missing")));
}

/// A journal to which ends of trials are added.
class Journal {
 public:
  explicit Journal(const TemporaryFolder& folder) : writer_(folder.path() / "journal", 0) {
    writer_.append(results::RecordType::plan,
                   results::serialize(results::PlanRecord{
                       .axes = {{.name = "seed", .values = {0, 1}}}, .ids = {1, 2}}));
  }
  void end(const results::TrialRecord& trial) {
    writer_.append(results::RecordType::trial, results::serialize(trial));
  }

 private:
  results::JournalWriter writer_;
};

TEST(FolderProgress, MovesWhenATrialEnds) {
  const TemporaryFolder folder;
  Journal journal(folder);
  const auto before = progress_in(folder.path());
  journal.end({.id = 1});
  const auto now = progress_in(folder.path());
  EXPECT_EQ(now.num_ended, before.num_ended + 1);
  EXPECT_TRUE(has_moved(before, now));
}

TEST(FolderProgress, DoesNotMoveWithATrialThatCrashesEachTime) {
  const TemporaryFolder folder;
  Journal journal(folder);
  const results::TrialRecord crash = {
      .id = 1, .status = protocol::Outcome::failed, .cause = protocol::Cause::crash};
  journal.end(crash);
  const auto before = progress_in(folder.path());
  journal.end(crash);
  EXPECT_FALSE(has_moved(before, progress_in(folder.path())));
}

TEST(FolderProgress, MovesWhenAPackIsSavedAgain) {
  const TemporaryFolder folder;
  const auto checkpoint = folder.write("checkpoint-0123456789abcdef", "state");
  const auto before = progress_in(folder.path());
  EXPECT_TRUE(has_moved({}, before));
  EXPECT_FALSE(has_moved(before, progress_in(folder.path())));
  std::filesystem::last_write_time(
      checkpoint, std::filesystem::last_write_time(checkpoint) + std::chrono::seconds(1));
  EXPECT_TRUE(has_moved(before, progress_in(folder.path())));
}

TEST(FolderProgress, IsNotLostWithTheCheckpointOfATrialThatEnded) {
  const FolderProgress before = {.num_ended = 1, .newest_checkpoint = 5};
  EXPECT_TRUE(has_moved(before, {.num_ended = 2, .newest_checkpoint = 0}));
  EXPECT_FALSE(has_moved(before, {.num_ended = 1, .newest_checkpoint = 0}));
}

}  // namespace
}  // namespace sweep
