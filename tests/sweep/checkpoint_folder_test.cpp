#include "sweep/checkpoint_folder.hpp"

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

TEST(CheckpointKey, DependsOnWhichTrialsAreInItAlone) {
  EXPECT_EQ(checkpoint_key({1, 2, 3}), checkpoint_key({3, 1, 2}));
  EXPECT_NE(checkpoint_key({1, 2, 3}), checkpoint_key({1, 2}));
  EXPECT_NE(checkpoint_key({1}), checkpoint_key({2}));
}

TEST(CheckpointFolder, FindsWholeFilesAlone) {
  const TemporaryFolder folder;
  folder.write("checkpoint-00000000000000ab", "state");
  folder.write("checkpoint-00000000000000ab.new.123", "half a state");
  folder.write("journal", "");

  EXPECT_EQ(CheckpointFolder(folder.path()).keys(), std::vector<std::uint64_t>{0xab});
}

TEST(CheckpointFolder, ProvidesTheStateOfAnotherPack) {
  const TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path());
  write_bytes(checkpoints.path_of(1), "state");

  EXPECT_TRUE(checkpoints.provide(2, 1));
  checkpoints.remove(1);

  EXPECT_EQ(read_bytes(checkpoints.path_of(2)), "state");
}

TEST(CheckpointFolder, PrefersAPacksOwnState) {
  const TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path());
  write_bytes(checkpoints.path_of(1), "old");
  write_bytes(checkpoints.path_of(2), "new");

  EXPECT_TRUE(checkpoints.provide(2, 1));

  EXPECT_EQ(read_bytes(checkpoints.path_of(2)), "new");
}

TEST(CheckpointFolder, HasNoneWhereNothingWasSaved) {
  const TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path());

  EXPECT_FALSE(checkpoints.provide(2, 0));
  EXPECT_FALSE(checkpoints.provide(2, 1));
  EXPECT_FALSE(checkpoints.has(2));
}

TEST(CheckpointFolder, RemovesWhatNobodyNeeds) {
  const TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder.path());
  write_bytes(checkpoints.path_of(1), "");
  write_bytes(checkpoints.path_of(2), "");
  folder.write("checkpoint-00000000000000ab.new.123", "");
  folder.write("journal", "");

  checkpoints.remove_others({2});

  EXPECT_EQ(checkpoints.keys(), std::vector<std::uint64_t>{2});
  EXPECT_TRUE(std::filesystem::exists(folder / "journal"));
  EXPECT_FALSE(std::filesystem::exists(folder / "checkpoint-00000000000000ab.new.123"));
}

}  // namespace
}  // namespace sweep
