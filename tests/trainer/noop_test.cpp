#include "trainer/noop.hpp"

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

TEST(Noop, ReportsNothingOnceItIsToldToStop) {
  EXPECT_TRUE(train({{"study", "noop"}}, {{.id = "a"}}, /*is_stopped=*/true).empty());
}

}  // namespace
}  // namespace trainer
