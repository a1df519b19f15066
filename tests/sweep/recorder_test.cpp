#include "sweep/recorder.hpp"

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

results::PlanRecord plan_of(std::vector<results::TrialId> ids) {
  auto axis = results::Axis{.name = "seed"};
  for (std::size_t i = 0; i < ids.size(); ++i)
    axis.values.emplace_back(i);
  return {.name = "a", .axes = {axis}, .ids = std::move(ids)};
}

TEST(Recorder, FindsAgainWhatItRecorded) {
  const TemporaryFolder folder;
  {
    Recorder recorder(folder.path());
    recorder.record(plan_of({1, 2}));
    recorder.record(results::TrialRecord{.id = 2, .attempts = 3});
  }

  const Recorder recorder(folder.path());

  EXPECT_EQ(recorder.results().plan.ids, (std::vector<results::TrialId>{1, 2}));
  ASSERT_NE(recorder.results().find(2), nullptr);
  EXPECT_EQ(recorder.results().find(2)->attempts, 3);
}

TEST(Recorder, FindsTheTrialsOfTheCheckpointsThatItIsAskedFor) {
  const TemporaryFolder folder;
  {
    Recorder recorder(folder.path());
    recorder.record(results::PackRecord{.key = 5, .trials = {1, 2}});
    recorder.record(results::PackRecord{.key = 6, .trials = {3}});
    recorder.record(results::PackRecord{.key = 5, .trials = {1, 2}});
  }

  const Recorder recorder(folder.path(), {5, 9});

  ASSERT_EQ(recorder.saved_packs().size(), 1U);
  EXPECT_EQ(recorder.saved_packs()[0].key, 5U);
  EXPECT_EQ(recorder.saved_packs()[0].trials, (std::vector<results::TrialId>{1, 2}));
}

TEST(Recorder, WritesNothingWhenThePlanIsTheSame) {
  const TemporaryFolder folder;
  { Recorder(folder.path()).record(plan_of({1, 2})); }
  const auto size = file_size(folder.path() / "journal");

  { Recorder(folder.path()).record(plan_of({1, 2})); }

  EXPECT_EQ(file_size(folder.path() / "journal"), size);
}

TEST(Recorder, KeepsTrialsThatLeftThePlan) {
  const TemporaryFolder folder;
  Recorder recorder(folder.path());
  recorder.record(plan_of({1, 2}));
  recorder.record(results::TrialRecord{.id = 1});

  recorder.record(plan_of({2}));

  EXPECT_NE(recorder.results().find(1), nullptr);
  EXPECT_EQ(results::count(recorder.results()).total, 1U);
  EXPECT_EQ(results::count(recorder.results()).finished, 0U);
}

TEST(Recorder, LeavesAnUpToDateResultsFileAlone) {
  const TemporaryFolder folder;
  {
    Recorder recorder(folder.path());
    recorder.record(plan_of({1}));
    recorder.finish();
  }
  const auto written = last_write_time(folder.path() / "results.h5");

  Recorder(folder.path()).finish();

  EXPECT_EQ(last_write_time(folder.path() / "results.h5"), written);
}

TEST(Recorder, RebuildsAMissingResultsFile) {
  const TemporaryFolder folder;
  {
    Recorder recorder(folder.path());
    recorder.record(plan_of({1}));
    recorder.finish();
  }
  std::filesystem::remove(folder.path() / "results.h5");

  Recorder(folder.path()).finish();

  EXPECT_TRUE(exists(folder.path() / "results.h5"));
}

TEST(Recorder, RebuildsAResultsFileThatIsOlderThanTheJournal) {
  const TemporaryFolder folder;
  {
    Recorder recorder(folder.path());
    recorder.record(plan_of({1}));
    recorder.finish();
  }
  const auto up_to_date = read_bytes(folder / "results.h5");
  folder.write("results.h5", "of a run that was killed later");
  last_write_time(folder / "results.h5",
                  last_write_time(folder / "journal") - std::chrono::seconds(1));

  Recorder(folder.path()).finish();

  EXPECT_EQ(read_bytes(folder / "results.h5"), up_to_date);
}

TEST(Recorder, KeepsTheJournalWhenTheResultsFileCannotBeWritten) {
  const TemporaryFolder folder;
  create_directory(folder / "results.h5");  // no file can be put in its place
  {
    Recorder recorder(folder.path());
    recorder.record(plan_of({1}));
    recorder.record(results::TrialRecord{.id = 1});

    EXPECT_NO_THROW(recorder.finish());

    EXPECT_NE(recorder.results_trouble().find("results.h5"), std::string::npos);
    std::filesystem::remove(folder / "results.h5");
    recorder.finish();
    EXPECT_EQ(recorder.results_trouble(), "");
  }

  EXPECT_NE(Recorder(folder.path()).results().find(1), nullptr);
  EXPECT_TRUE(std::filesystem::is_regular_file(folder / "results.h5"));
}

TEST(Recorder, DoesNotWriteIntoTheVoid) {
  const TemporaryFolder folder;
  create_directory(folder / "out");
  Recorder recorder(folder / "out");
  recorder.record(plan_of({1}));
  std::filesystem::rename(folder / "out", folder / "moved");

  try {
    recorder.finish();
    FAIL() << "nobody would find what is recorded";
  } catch (const results::StorageError& error) {
    EXPECT_NE(std::string(error.what()).find("journal is no longer there"), std::string::npos)
        << error.what();
  }
}

TEST(Recorder, NoticesThatAnotherFileTookTheJournalsPlace) {
  const TemporaryFolder folder;
  Recorder recorder(folder.path());
  recorder.record(plan_of({1}));
  copy_file(folder / "journal", folder / "copy");
  std::filesystem::rename(folder / "copy", folder / "journal");

  EXPECT_THROW(recorder.finish(), results::StorageError);
}

}  // namespace
}  // namespace sweep
