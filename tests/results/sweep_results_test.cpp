#include "results/sweep_results.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"

namespace results {
namespace {

using protocol::Outcome;

/// Two losses by three seeds; trial i has the id 100 + i.
PlanRecord sample_plan() {
  return {
      .name = "small",
      .study = "focus",
      .replicate = {"seed"},
      .axes = {{.name = "loss", .values = {"soft", "hard"}}, {.name = "seed", .values = {7, 8, 9}}},
      .ids = {100, 101, 102, 103, 104, 105}};
}

void apply_record(SweepResults& sweep, const PlanRecord& plan) {
  apply(sweep, RecordType::plan, serialize(plan));
}

void apply_record(SweepResults& sweep, const TrialRecord& trial) {
  apply(sweep, RecordType::trial, serialize(trial));
}

TEST(SweepResults, LastAxisRunsFastest) {
  SweepResults sweep;
  apply_record(sweep, sample_plan());

  EXPECT_EQ(sweep.axis_value(0, 0), "soft");
  EXPECT_EQ(sweep.axis_value(1, 0), 7);
  EXPECT_EQ(sweep.axis_value(0, 2), "soft");
  EXPECT_EQ(sweep.axis_value(1, 2), 9);
  EXPECT_EQ(sweep.axis_value(0, 4), "hard");
  EXPECT_EQ(sweep.axis_value(1, 4), 8);
}

TEST(SweepResults, CountsTrialsOfThePlanByOutcome) {
  SweepResults sweep;
  apply_record(sweep, sample_plan());

  apply_record(sweep, {.id = 100, .status = Outcome::finished});
  apply_record(sweep, {.id = 101, .status = Outcome::finished});
  apply_record(sweep, {.id = 102, .status = Outcome::diverged});
  apply_record(sweep, {.id = 103, .status = Outcome::failed});
  apply_record(sweep, {.id = 999, .status = Outcome::finished});  // of a former plan

  const auto counts = count(sweep);
  EXPECT_EQ(counts.total, 6U);
  EXPECT_EQ(counts.finished, 2U);
  EXPECT_EQ(counts.diverged, 1U);
  EXPECT_EQ(counts.failed, 1U);
  EXPECT_EQ(counts.pending(), 2U);
  EXPECT_EQ(sweep.num_ended, 5U);
}

TEST(SweepResults, CountsATrialThatEndsAgainOnce) {
  SweepResults sweep;
  apply_record(sweep, sample_plan());
  apply_record(sweep, {.id = 100, .status = Outcome::failed});

  apply_record(sweep, {.id = 100, .status = Outcome::finished});

  EXPECT_EQ(count(sweep).failed, 0U);
  EXPECT_EQ(count(sweep).finished, 1U);
  EXPECT_EQ(sweep.num_ended, 1U);
}

TEST(SweepResults, FindsNoEndOfATrialThatIsOnlyPlanned) {
  SweepResults sweep;
  apply_record(sweep, sample_plan());

  EXPECT_EQ(sweep.find(100), nullptr);
  EXPECT_EQ(count(sweep).pending(), 6U);
}

TEST(SweepResults, CountsATrialThatComesBackIntoThePlan) {
  SweepResults sweep;
  apply_record(sweep, sample_plan());
  apply_record(sweep, {.id = 100, .status = Outcome::finished, .values = {{"x", 1.5}}});
  auto without = sample_plan();
  without.axes = {{.name = "seed", .values = {8, 9}}};
  without.ids = {101, 102};
  apply_record(sweep, without);
  EXPECT_EQ(count(sweep).finished, 0U);

  apply_record(sweep, sample_plan());

  EXPECT_EQ(count(sweep).finished, 1U);
  EXPECT_EQ(sweep.find_column("x")->number(sweep.find(100)->row), 1.5);
}

TEST(SweepResults, CountsAfreshWhenThePlanChanges) {
  SweepResults sweep;
  apply_record(sweep, sample_plan());
  apply_record(sweep, {.id = 100, .status = Outcome::finished});
  apply_record(sweep, {.id = 999, .status = Outcome::diverged});
  auto plan = sample_plan();
  plan.axes[0].values = {"soft"};
  plan.ids = {999, 101, 5};  // hashes are in no order

  apply_record(sweep, plan);

  EXPECT_EQ(count(sweep).total, 3U);
  EXPECT_EQ(count(sweep).finished, 0U);
  EXPECT_EQ(count(sweep).diverged, 1U);
}

TEST(SweepResults, FindsTheLatestEndOfATrial) {
  SweepResults sweep;
  apply_record(sweep, {.id = 100, .status = Outcome::failed, .error = "out of memory"});

  apply_record(sweep, {.id = 100, .status = Outcome::finished, .attempts = 2, .device = "cpu"});

  const auto* trial = sweep.find(100);
  ASSERT_NE(trial, nullptr);
  EXPECT_EQ(trial->status, Outcome::finished);
  EXPECT_EQ(sweep.texts[trial->error], "");
  EXPECT_EQ(trial->attempts, 2);
  EXPECT_EQ(sweep.texts[trial->device], "cpu");
  EXPECT_EQ(sweep.find(101), nullptr);
}

TEST(SweepResults, KeepsValuesByVariableAndTrial) {
  SweepResults sweep;
  apply_record(sweep, {.id = 100, .values = {{"x", 1.5}}});
  apply_record(sweep, {.id = 101, .values = {{"x", 2.5}, {"curve", {1, 2}}}});

  const auto* x = sweep.find_column("x");
  const auto* curve = sweep.find_column("curve");

  ASSERT_NE(x, nullptr);
  ASSERT_NE(curve, nullptr);
  EXPECT_EQ(x->number(sweep.find(100)->row), 1.5);
  EXPECT_EQ(x->number(sweep.find(101)->row), 2.5);
  EXPECT_EQ(curve->array(sweep.find(100)->row), nullptr);
  EXPECT_EQ(curve->array(sweep.find(101)->row)->numbers, (std::vector<double>{1, 2}));
  EXPECT_EQ(sweep.find_column("y"), nullptr);
}

TEST(SweepResults, ForgetsTheValuesOfAFormerEnd) {
  SweepResults sweep;
  apply_record(sweep, {.id = 100, .values = {{"x", 1.5}}});

  apply_record(sweep, {.id = 100, .status = Outcome::failed});

  EXPECT_TRUE(std::isnan(sweep.find_column("x")->number(sweep.find(100)->row)));
}

TEST(Apply, TakesSessionsAndTheirEnds) {
  SweepResults sweep;

  apply(sweep, RecordType::session, serialize(SessionRecord{.started = "now"}));
  apply(sweep, RecordType::end, serialize(EndRecord{.ended = "later"}));

  ASSERT_EQ(sweep.sessions.size(), 1U);
  EXPECT_EQ(sweep.sessions[0].started, "now");
  ASSERT_EQ(sweep.ends.size(), 1U);
  EXPECT_EQ(sweep.ends[0].ended, "later");
}

TEST(SlurmJobs, AreThereOnceEachAsTheyWereTheLastTime) {
  SweepResults sweep;
  sweep.sessions = {{.slurm = SlurmJob{.id = "7", .nodes = "n[1-2]"}},
                    {.started = "outside of Slurm"},
                    {.slurm = SlurmJob{.id = "9", .nodes = "n1"}},
                    {.slurm = SlurmJob{.id = "7", .num_restarts = 1, .nodes = "n2"}},
                    {.slurm = SlurmJob{.id = "7", .cluster = "another", .nodes = "x1"}}};

  const auto jobs = slurm_jobs(sweep);

  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs[0].id, "7");
  EXPECT_EQ(jobs[0].num_restarts, 1);
  EXPECT_EQ(jobs[0].nodes, "n2");
  EXPECT_EQ(jobs[1].id, "9");
  EXPECT_EQ(jobs[2].cluster, "another");
}

TEST(Apply, SkipsKindsItDoesNotKnow) {
  SweepResults sweep;

  EXPECT_NO_THROW(apply(sweep, static_cast<RecordType>(77), "not even JSON"));
}

TEST(LoadResults, ReadsAJournal) {
  const TemporaryFolder folder;
  {
    JournalWriter writer(folder / "journal", 0);
    writer.append(RecordType::plan, serialize(sample_plan()));
    writer.append(RecordType::trial, serialize(TrialRecord{.id = 104, .values = {{"x", 3}}}));
  }

  const auto sweep = load_results(folder.path());

  EXPECT_EQ(sweep.plan.name, "small");
  EXPECT_EQ(count(sweep).finished, 1U);
  EXPECT_EQ(sweep.find_column("x")->number(sweep.find(104)->row), 3.0);
}

TEST(LoadResults, KeepsWhatTheScanFound) {
  const TemporaryFolder folder;
  JournalWriter(folder / "journal", 0).append(RecordType::plan, serialize(sample_plan()));
  write_bytes(folder / "journal", read_bytes(folder / "journal") + "half a record");

  EXPECT_EQ(load_results(folder.path()).journal.torn_bytes, 13U);
}

TEST(LoadResults, RefusesAFolderWithoutAJournalOrAPlan) {
  const TemporaryFolder folder;
  EXPECT_THROW(load_results(folder.path()), StorageError);

  const JournalWriter writer(folder / "journal", 0);
  EXPECT_THROW(load_results(folder.path()), StorageError);
}

}  // namespace
}  // namespace results
