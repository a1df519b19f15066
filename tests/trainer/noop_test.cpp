#include "trainer/noop.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "trainer/settings.hpp"

namespace trainer {
namespace {

using nlohmann::json;

/// What a pack of these trials reports; nothing if it is told to stop.
std::vector<protocol::Result> train(const json& settings,
                                    const std::vector<protocol::TrialRequest>& trials,
                                    bool is_stopped = false) {
  std::vector<protocol::Result> results;
  noop().train({.pack = 5, .settings = settings, .trials = trials},
               {.on_step = [](int, int) {},
                .should_stop = [is_stopped] { return is_stopped; },
                .on_result = [&](const protocol::Result& result) { results.push_back(result); }});
  return results;
}

TEST(Noop, ReportsSeedTimesLearningRateForEachTrial) {
  const auto results = train({{"study", "noop"}}, {{.id = "a", .seed = 3, .learning_rate = 0.5},
                                                   {.id = "b", .seed = 8, .learning_rate = 0.25}});

  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].pack, 5);
  EXPECT_EQ(results[0].id, "a");
  EXPECT_EQ(results[0].status, protocol::Outcome::finished);
  EXPECT_EQ(results[0].values, json({{"value", 1.5}}));
  EXPECT_EQ(results[1].id, "b");
  EXPECT_EQ(results[1].values, json({{"value", 2.0}}));
}

TEST(Noop, ReportsACurveThatFallsWithTheEpochOnDemand) {
  const auto results =
      train({{"study", "noop"}, {"epochs", 3}}, {{.id = "a", .seed = 12, .learning_rate = 1}});

  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].values.at("curve"), (json{12.0, 6.0, 4.0, 3.0}));  // 12 / 1, / 2, / 3, / 4
}

TEST(Noop, TakesSeedZeroAndRateOneWhereATrialHasNone) {
  const auto results = train({{"study", "noop"}}, {{.id = "a", .seed = 7}, {.id = "b"}});

  EXPECT_EQ(results[0].values.at("value"), 7.0);
  EXPECT_EQ(results[1].values.at("value"), 0.0);
}

TEST(Noop, TakesHundredsOfTrialsAtOnce) {
  EXPECT_GE(noop().check({{"study", "noop"}}).pack_width, 100);
}

TEST(Noop, RefusesASettingThatItDoesNotKnow) {
  const auto verdict = noop().check({{"study", "noop"}, {"epoch", 1}});

  ASSERT_EQ(verdict.problems.size(), 1U);
  EXPECT_EQ(verdict.problems[0].key, "epoch");
  EXPECT_THROW(train({{"study", "noop"}, {"epoch", 1}}, {}), SettingError);
}

TEST(Noop, SleepsForEachTrialWithAWordOfProgressAndOfItsTime) {
  std::vector<std::chrono::steady_clock::time_point> ends;
  int num_steps = 0;
  const json settings = {{"study", "noop"}, {"seconds", 0.03}};
  const auto begin = std::chrono::steady_clock::now();

  noop().train({.pack = 5, .settings = settings, .trials = {{.id = "a"}, {.id = "b"}}},
               {.on_step = [&](int, int) { ++num_steps; },
                .on_result =
                    [&](const protocol::Result& result) {
                      EXPECT_EQ(result.elapsed_s, 0.03);
                      ends.push_back(std::chrono::steady_clock::now());
                    }});

  ASSERT_EQ(ends.size(), 2U);
  EXPECT_GE(ends[0] - begin, std::chrono::milliseconds(30));
  EXPECT_GE(ends[1] - begin, std::chrono::milliseconds(60)) << "one after the other";
  EXPECT_GT(num_steps, 1);
}

TEST(Noop, StopsWithinATrial) {
  int num_looks = 0;
  int num_results = 0;

  noop().train({.settings = {{"study", "noop"}, {"seconds", 1e6}}, .trials = {{.id = "a"}}},
               {.on_step = [](int, int) {},
                .should_stop = [&] { return ++num_looks > 3; },
                .on_result = [&](const protocol::Result&) { ++num_results; }});

  EXPECT_EQ(num_results, 0);
}

TEST(Noop, CostsTheSecondsThatItSleeps) {
  const auto cost_of = [](double seconds) {
    return noop().check({{"study", "noop"}, {"seconds", seconds}}).cost;
  };

  EXPECT_NEAR(cost_of(20) / cost_of(1), 20, 0.01);
  EXPECT_GT(cost_of(0), 0);
}

TEST(Noop, ReportsNothingOnceItIsToldToStop) {
  EXPECT_TRUE(train({{"study", "noop"}}, {{.id = "a"}}, /*is_stopped=*/true).empty());
}

}  // namespace
}  // namespace trainer
