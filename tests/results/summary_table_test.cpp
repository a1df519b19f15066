#include "results/summary_table.hpp"

#include <cmath>
#include <stdexcept>

#include <gtest/gtest.h>

namespace results {
namespace {

using nlohmann::json;
using protocol::Outcome;

/// Two losses by two datasets by two seeds, and an axis with one value. Trial i has the id i.
SweepResults sweep_of_two_losses() {
  PlanRecord plan = {.name = "small",
                     .study = "focus",
                     .replicate = {"seed"},
                     .axes = {{.name = "loss", .values = {"soft", "hard"}},
                              {.name = "segments", .values = {5, 9}},
                              {.name = "seed", .values = {0, 1}},
                              {.name = "epochs", .values = {30}}},
                     .ids = {0, 1, 2, 3, 4, 5, 6, 7},
                     .variables = {{"final_accuracy", {}},
                                   {"final_loss", {.units = "nat"}},
                                   {"surprise", {.units = "nat"}},
                                   {"final_surprise", {.units = "nat"}},
                                   {"curve", {.dims = {"epoch"}}}},
                     .headline = {"final_accuracy"}};
  SweepResults sweep;
  apply(sweep, RecordType::plan, serialize(plan));
  return sweep;
}

void finish(SweepResults& sweep, TrialId id, const json& values) {
  apply(sweep, RecordType::trial, serialize(TrialRecord{.id = id, .values = values}));
}

void end_badly(SweepResults& sweep, TrialId id, Outcome status) {
  apply(sweep, RecordType::trial,
        serialize(TrialRecord{.id = id, .status = status, .values = {{"final_accuracy", 1000}}}));
}

/// All eight trials finished: accuracy i, loss 10 - i.
SweepResults finished_sweep() {
  auto sweep = sweep_of_two_losses();
  for (TrialId id = 0; id < 8; ++id) {
    const auto i = static_cast<double>(id);
    finish(sweep, id, {{"final_accuracy", i}, {"final_loss", 10 - i}});
  }
  return sweep;
}

std::string complaint(const SummaryOptions& options) {
  try {
    summarize_sweep(finished_sweep(), options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return {};
}

TEST(SummarizeSweep, AveragesOverReplicates) {
  const auto table = summarize_sweep(finished_sweep(), {});

  EXPECT_EQ(table.by, (std::vector<std::string>{"loss", "segments"}));
  EXPECT_EQ(table.over, std::vector<std::string>{"seed"});
  EXPECT_EQ(table.metrics, std::vector<std::string>{"final_accuracy"});
  ASSERT_EQ(table.rows.size(), 4U);
  EXPECT_EQ(table.rows[1].keys, (std::vector<std::string>{"soft", "9"}));
  EXPECT_EQ(table.rows[1].values[0].count, 2);
  EXPECT_EQ(table.rows[1].values[0].mean, 2.5);  // of trials 2 and 3
}

TEST(SummarizeSweep, AveragesOverEveryAxisThatIsNotNamed) {
  const auto table = summarize_sweep(finished_sweep(), {.by = {"segments"}});

  EXPECT_EQ(table.over, (std::vector<std::string>{"loss", "seed"}));
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0].keys, std::vector<std::string>{"5"});
  EXPECT_EQ(table.rows[0].values[0].mean, 2.5);  // of trials 0, 1, 4, 5
  EXPECT_EQ(table.rows[1].values[0].mean, 4.5);  // of trials 2, 3, 6, 7
}

TEST(SummarizeSweep, CountsWhatDidNotFinishBesideTheMean) {
  auto sweep = sweep_of_two_losses();
  finish(sweep, 0, {{"final_accuracy", 0.5}});
  end_badly(sweep, 1, Outcome::failed);
  end_badly(sweep, 2, Outcome::diverged);

  const auto table = summarize_sweep(sweep, {});

  EXPECT_EQ(table.rows[0].values[0].mean, 0.5);
  EXPECT_EQ(table.rows[0].num_trials, 2);
  EXPECT_EQ(table.rows[0].num_failed, 1);
  EXPECT_EQ(table.rows[1].values[0].count, 0);
  EXPECT_EQ(table.rows[1].num_diverged, 1);
  EXPECT_EQ(table.rows[1].num_pending, 1);
}

TEST(SummarizeSweep, ShowsTheHeadlineThatHasValues) {
  auto sweep = sweep_of_two_losses();
  sweep.plan.headline = {"surprise", "curve", "final_loss"};
  finish(sweep, 0, {{"final_accuracy", 1}, {"final_loss", 2}, {"curve", {1, 2}}});

  EXPECT_EQ(summarize_sweep(sweep, {}).metrics, std::vector<std::string>{"final_loss"});
}

TEST(SummarizeSweep, ShowsTheFirstScalarsWithoutAHeadline) {
  auto sweep = sweep_of_two_losses();
  sweep.plan.headline = {};
  finish(sweep, 0, {{"final_accuracy", 1}, {"final_loss", 2}, {"curve", {1, 2}}});

  EXPECT_EQ(summarize_sweep(sweep, {}).metrics,
            (std::vector<std::string>{"final_accuracy", "final_loss"}));
}

TEST(SummarizeSweep, TakesMetricsWithoutTheirPrefix) {
  const auto table = summarize_sweep(finished_sweep(), {.metrics = {"loss", "final_accuracy"}});

  EXPECT_EQ(table.metrics, (std::vector<std::string>{"final_loss", "final_accuracy"}));
}

TEST(SummarizeSweep, PrefersTheMetricOfExactlyThatName) {
  const auto table = summarize_sweep(finished_sweep(), {.metrics = {"surprise"}});

  EXPECT_EQ(table.metrics, std::vector<std::string>{"surprise"});
}

TEST(SummarizeSweep, PutsTheBestRowsFirst) {
  const auto table = summarize_sweep(finished_sweep(), {.by = {"seed"}, .best = 1});

  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_EQ(table.rows[0].keys, std::vector<std::string>{"1"});  // odd trials: mean 4, not 3
}

TEST(SummarizeSweep, FindsSmallLossesBest) {
  auto sweep = finished_sweep();
  for (TrialId id = 0; id < 8; ++id)
    finish(sweep, id, {{"final_loss", id % 2}, {"surprise", id % 2}});

  for (const auto* metric : {"final_loss", "surprise"}) {  // by its name, by its unit
    const auto table = summarize_sweep(sweep, {.by = {"seed"}, .metrics = {metric}, .best = 2});
    EXPECT_EQ(table.rows[0].keys, std::vector<std::string>{"0"}) << metric;
  }
}

TEST(SummarizeSweep, PutsRowsWithoutAValueLast) {
  auto sweep = sweep_of_two_losses();
  finish(sweep, 6, {{"final_accuracy", -5}});

  const auto table = summarize_sweep(sweep, {.best = 4});

  EXPECT_EQ(table.rows[0].keys, (std::vector<std::string>{"hard", "9"}));
  EXPECT_EQ(table.rows[3].values[0].count, 0);
}

TEST(SummarizeSweep, NamesTheClosestAxisOrMetric) {
  EXPECT_EQ(complaint({.by = {"segmets"}}), "there is no axis 'segmets', did you mean 'segments'?");
  EXPECT_EQ(complaint({.metrics = {"final_acuracy"}}),
            "there is no variable 'final_acuracy', did you mean 'final_accuracy'?");
  EXPECT_EQ(complaint({.metrics = {"curve"}}),
            "variable 'curve' has several values in a trial, they are in results.h5 and in export "
            "--format json");
}

/// The text of a table with one row, `mean` and `half_width`.
std::string text_with(double mean, double half_width, int count = 4) {
  const SummaryTable table = {
      .by = {"loss"},
      .over = {"seed"},
      .metrics = {"final_accuracy"},
      .rows = {{.keys = {"soft"},
                .values = {{.count = count, .mean = mean, .half_width = half_width}},
                .num_trials = 4}}};
  return to_text(table);
}

TEST(ToText, ShowsMeansWithTheirIntervals) {
  EXPECT_EQ(text_with(0.87123, 0.01249),
            "loss  accuracy\n"
            "soft  0.871 ± 0.012\n"
            "(mean ± 95 % interval, 4 seeds)\n");
}

TEST(ToText, ShowsTwoDigitsOfTheInterval) {
  const std::vector<std::pair<std::pair<double, double>, std::string>> cases = {
      {{0.99841, 0.00123}, "0.9984 ± 0.0012"},
      {{123.456, 7.89}, "123.5 ± 7.9"},
      {{123456, 789}, "123456 ± 789"},
      {{1.23456e-9, 4.5678e-11}, "1.235e-09 ± 4.6e-11"},
      {{1.23456e9, 4.5678e7}, "1.235e+09 ± 4.6e+07"},
      {{0.5, 0}, "0.500 ± 0.000"},
      {{0, 0}, "0.0 ± 0.0"}};
  for (const auto& [summary, expected] : cases) {
    EXPECT_NE(text_with(summary.first, summary.second).find("soft  " + expected + "\n"),
              std::string::npos)
        << text_with(summary.first, summary.second);
  }
}

TEST(ToText, ShowsASingleValueWithoutAnInterval) {
  EXPECT_EQ(text_with(0.871234, std::nan(""), 1),
            "loss  accuracy\n"
            "soft  0.871\n"
            "(value, 1 seed)\n");
}

TEST(ToText, AlignsColumnsByWhatIsSeen) {
  const SummaryTable table = {
      .by = {"loss"},
      .metrics = {"x"},
      .rows = {
          {.keys = {"größer"}, .values = {{.count = 1, .mean = 1, .half_width = std::nan("")}}},
          {.keys = {"a"}, .values = {{.count = 1, .mean = 2, .half_width = std::nan("")}}}}};

  EXPECT_EQ(to_text(table),
            "loss    x\n"
            "größer  1.00\n"
            "a       2.00\n"
            "(value, 1 trial)\n");
}

TEST(ToText, NotesWhatDidNotFinish) {
  auto sweep = sweep_of_two_losses();
  finish(sweep, 0, {{"final_accuracy", 1}});
  end_badly(sweep, 1, Outcome::failed);
  end_badly(sweep, 2, Outcome::diverged);

  EXPECT_EQ(to_text(summarize_sweep(sweep, {})),
            "loss  segments  accuracy\n"
            "soft  5         1.00      1 failed\n"
            "soft  9         -         1 diverged, 1 to do\n"
            "hard  5         -         2 to do\n"
            "hard  9         -         2 to do\n"
            "(value, 1 seed)\n");
}

TEST(ToText, SaysThatNothingHasFinished) {
  const auto text = to_text(summarize_sweep(sweep_of_two_losses(), {}));

  EXPECT_NE(text.find("(no finished trial yet)"), std::string::npos) << text;
}

TEST(ToText, TellsHowManyTrialsStandBehindAMean) {
  auto sweep = finished_sweep();
  end_badly(sweep, 0, Outcome::failed);

  const auto by_loss = to_text(summarize_sweep(sweep, {.by = {"loss"}}));
  const auto by_all = to_text(summarize_sweep(sweep, {}));

  EXPECT_NE(by_loss.find("3 to 4 trials"), std::string::npos) << by_loss;
  EXPECT_NE(by_all.find("1 to 2 seeds"), std::string::npos) << by_all;
}

TEST(ToJsonText, HoldsTheSameNumbers) {
  const auto rows = json::parse(to_json_text(summarize_sweep(finished_sweep(), {})));

  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[1]["loss"], "soft");
  EXPECT_EQ(rows[1]["segments"], "9");
  EXPECT_EQ(rows[1]["final_accuracy"]["mean"], 2.5);
  EXPECT_EQ(rows[1]["final_accuracy"]["count"], 2);
  EXPECT_EQ(rows[1]["trials"], 2);
}

}  // namespace
}  // namespace results
