#include "sweep/folder_progress.hpp"

#include <gtest/gtest.h>

#include "results/journal.hpp"
#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

TEST(FolderProgress, OfAnEmptyFolderIsNone) {
  const TemporaryFolder folder;
  EXPECT_FALSE(has_moved({}, progress_in(folder.path())));
  EXPECT_FALSE(has_moved({}, progress_in(folder.path() / "missing")));
}

TEST(FolderProgress, MovesWhenATrialEnds) {
  const TemporaryFolder folder;
  results::JournalWriter journal(folder.path() / "journal", 0);
  journal.append(results::RecordType::session, "{}");
  const auto before = progress_in(folder.path());
  journal.append(results::RecordType::trial, "{}");
  const auto now = progress_in(folder.path());
  EXPECT_EQ(now.num_ended, before.num_ended + 1);
  EXPECT_TRUE(has_moved(before, now));
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
