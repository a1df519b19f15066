#include "results/results_file.hpp"

#include <iterator>

#include <gtest/gtest.h>

#include "tests/results/file_size_limit.hpp"
#include "tests/results/sample_sweep.hpp"
#include "tests/temporary_folder.hpp"

// What other programs read in the file is the business of results_file_test.py.
namespace results {
namespace {

std::size_t number_of_files(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator files(folder);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST(ResultsFile, SameSweepGivesTheSameBytes) {
  const TemporaryFolder folder;

  write_results_file(sample_sweep(), folder / "first.h5");
  write_results_file(sample_sweep(), folder / "second.h5");

  EXPECT_TRUE(read_bytes(folder / "first.h5") == read_bytes(folder / "second.h5"));
}

TEST(ResultsFile, DoesNotDependOnTheOrderInWhichTrialsEnded) {
  const TemporaryFolder folder;
  auto records = sample_records();
  std::swap(records[2], records[3]);  // the first two trials
  SweepResults other;
  for (const auto& [type, payload] : records)
    apply(other, type, payload);

  write_results_file(sample_sweep(), folder / "first.h5");
  write_results_file(other, folder / "second.h5");

  EXPECT_TRUE(read_bytes(folder / "first.h5") == read_bytes(folder / "second.h5"));
}

TEST(ResultsFile, ReplacesTheFormerOneAndLeavesNothingBeside) {
  const TemporaryFolder folder;
  write_bytes(folder / "results.h5", "former");

  write_results_file(sample_sweep(), folder / "results.h5");

  EXPECT_EQ(read_bytes(folder / "results.h5").substr(1, 3), "HDF");
  EXPECT_EQ(number_of_files(folder.path()), 1U);
}

TEST(ResultsFile, IsWrittenBeforeAnyTrialHasEnded) {
  const TemporaryFolder folder;
  SweepResults sweep;
  apply(sweep, RecordType::plan, sample_records().front().second);

  EXPECT_NO_THROW(write_results_file(sweep, folder / "results.h5"));
}

TEST(ResultsFile, HasNoEndWhileTheLatestSessionTrains) {
  const TemporaryFolder folder;
  auto records = sample_records();
  records.pop_back();  // the end of the second session
  SweepResults sweep;
  for (const auto& [type, payload] : records)
    apply(sweep, type, payload);

  write_results_file(sweep, folder / "training.h5");
  write_results_file(sample_sweep(), folder / "ended.h5");

  const std::string first_end = "2026-01-02T04:00:00Z";  // text stands in the file as it is
  const std::string second_end = "2026-01-03T04:00:00Z";
  EXPECT_EQ(read_bytes(folder / "training.h5").find(first_end), std::string::npos);
  EXPECT_NE(read_bytes(folder / "ended.h5").find(second_end), std::string::npos);
}

TEST(ResultsFile, KeepsTheFormerOneWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  write_bytes(folder / "results.h5", "former");
  std::string text;

  try {
    const FileSizeLimit limit(20'000);
    write_results_file(sample_sweep(), folder / "results.h5");
  } catch (const StorageError& error) {
    text = error.what();
  }

  EXPECT_NE(text.find((folder / "results.h5").string()), std::string::npos) << text;
  EXPECT_NE(text.find("File too large"), std::string::npos) << text;
  EXPECT_EQ(read_bytes(folder / "results.h5"), "former");
  EXPECT_EQ(number_of_files(folder.path()), 1U);
}

TEST(ResultsFile, IsWrittenOnceTheDiskHasSpaceAgain) {
  const TemporaryFolder folder;
  write_results_file(sample_sweep(), folder / "expected.h5");
  {
    const FileSizeLimit limit(20'000);
    EXPECT_THROW(write_results_file(sample_sweep(), folder / "results.h5"), StorageError);
  }

  write_results_file(sample_sweep(), folder / "results.h5");

  EXPECT_TRUE(read_bytes(folder / "results.h5") == read_bytes(folder / "expected.h5"));
}

}  // namespace
}  // namespace results
