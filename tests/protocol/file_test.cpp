#include "protocol/file.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/results/file_size_limit.hpp"
#include "tests/temporary_folder.hpp"

namespace protocol {
namespace {

using results::FileSizeLimit;

TEST(File, ReadsFromAPositionUpToTheEnd) {
  const TemporaryFolder folder;
  write_bytes(folder / "data", "0123456789");
  const File file(folder / "data", O_RDONLY);
  std::array<char, 4> buffer = {};

  EXPECT_EQ(file.read_at(3, buffer), 4U);
  EXPECT_EQ(std::string(buffer.data(), 4), "3456");
  EXPECT_EQ(file.read_at(8, buffer), 2U);
  EXPECT_EQ(std::string(buffer.data(), 2), "89");
  EXPECT_EQ(file.size_bytes(), 10U);
}

TEST(File, WritesAndCuts) {
  const TemporaryFolder folder;
  File file(folder / "data", O_WRONLY | O_CREAT);

  file.write_all("abcdef");
  file.truncate(4);
  file.sync();

  EXPECT_EQ(read_bytes(folder / "data"), "abcd");
}

TEST(File, IsClosedOnExec) {
  const TemporaryFolder folder;
  const auto lowest_free = open("/dev/null", O_RDONLY);
  close(lowest_free);

  const File file(folder / "data", O_WRONLY | O_CREAT);

  EXPECT_EQ(fcntl(lowest_free, F_GETFD), FD_CLOEXEC);
}

TEST(File, TellsThatTheDiskIsFull) {
  const TemporaryFolder folder;
  File file(folder / "data", O_WRONLY | O_CREAT);
  const FileSizeLimit limit(100);

  try {
    file.write_all(std::string(1000, 'x'));
    FAIL() << "the limit was not noticed";
  } catch (const StorageError& error) {
    EXPECT_EQ(std::string(error.what()),
              "cannot write to " + (folder / "data").string() +
                  " (File too large), raise the limit on file sizes (ulimit -f), then the same "
                  "command continues");
  }
}

TEST(ReplaceFile, PutsTheNewContentInPlace) {
  const TemporaryFolder folder;
  write_bytes(folder / "results", "old");
  write_bytes(folder / "results.new", "new");

  replace_file(folder / "results.new", folder / "results");

  EXPECT_EQ(read_bytes(folder / "results"), "new");
  EXPECT_FALSE(std::filesystem::exists(folder / "results.new"));
}

TEST(ReplaceFile, NamesBothPathsWhenItCannot) {
  const TemporaryFolder folder;
  write_bytes(folder / "new", "new");

  try {
    replace_file(folder / "new", folder / "missing/results");
    FAIL() << "the folder does not exist";
  } catch (const StorageError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find((folder / "new").string()), std::string::npos) << text;
    EXPECT_NE(text.find((folder / "missing/results").string()), std::string::npos) << text;
  }
}

TEST(ReplaceContent, KeepsTheFormerFileWhenThereIsNoRoom) {
  const TemporaryFolder folder;
  write_bytes(folder / "config", "old");
  {
    const FileSizeLimit limit(100);

    EXPECT_THROW(replace_content(folder / "config", std::string(1000, 'x')), StorageError);
  }

  EXPECT_EQ(read_bytes(folder / "config"), "old");
  EXPECT_FALSE(std::filesystem::exists(folder / "config.new"));
}

TEST(DescribeSystemError, TellsWhatToDoAboutAFullDisk) {
  EXPECT_EQ(describe_system_error(ENOSPC),
            " (No space left on device), free space, then the same command continues");
  EXPECT_EQ(describe_system_error(EDQUOT),
            " (Disk quota exceeded), free space or ask for more, then the same command continues");
  EXPECT_EQ(describe_system_error(ENOTDIR), " (Not a directory)");
}

}  // namespace
}  // namespace protocol
