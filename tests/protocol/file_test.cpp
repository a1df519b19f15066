#include "protocol/file.hpp"

#include <array>

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
              "cannot write to " + (folder / "data").string() + " (File too large)");
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

}  // namespace
}  // namespace protocol
