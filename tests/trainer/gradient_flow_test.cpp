#include "trainer/gradient_flow.hpp"

#include <gtest/gtest.h>

#include "trainer/settings.hpp"

namespace trainer {
namespace {

using nlohmann::json;

json settings(const std::string& loss, const json& focus, const json& changes = json::object()) {
  json all = {{"study", "gradient_flow"}, {"loss", loss},  {"focus", focus},
              {"segments", 20},           {"classes", 20}, {"times", {0, 400, 1000}}};
  all.update(changes);
  return all;
}

std::vector<protocol::Result> train(const json& settings,
                                    const std::vector<protocol::TrialRequest>& trials = {{}},
                                    bool is_stopped = false) {
  std::vector<protocol::Result> results;
  gradient_flow().train(
      {.pack = 5, .settings = settings, .trials = trials},
      {.on_step = [](int, int) {},
       .should_stop = [is_stopped] { return is_stopped; },
       .on_result = [&](const protocol::Result& result) { results.push_back(result); }});
  return results;
}

json values_of(const json& settings) {
  return train(settings).at(0).values;
}

std::string problem_of(const json& settings) {
  const auto problems = gradient_flow().check(settings).problems;
  return problems.empty() ? "" : problems.front().key + ": " + problems.front().problem;
}

// Expected: independent integrations, mu and nu of soft at 1000 and alpha at 400.
TEST(GradientFlow, ReportsTheJointCurvesOverTime) {
  const auto values = values_of(settings("soft", "joint"));

  EXPECT_EQ(values.at("t"), (json{0.0, 400.0, 1000.0}));
  EXPECT_NEAR(values.at("mu")[2], 6.31401413, 1e-6);
  EXPECT_NEAR(values.at("nu")[2], 5.54313648, 1e-6);
  EXPECT_NEAR(values.at("alpha")[1], 0.0908, 1e-4);
  EXPECT_EQ(values.at("final_mu"), values.at("mu")[2]);
}

// At the start every class is as likely, so the loss is log 20, the focus 1/20, and nothing pulls.
TEST(GradientFlow, StartsAtChance) {
  for (const auto* loss : {"soft", "hard", "lvml"}) {
    const auto values = values_of(settings(loss, "joint"));

    EXPECT_NEAR(values.at("train_loss")[0], std::log(20), 1e-14);
    EXPECT_NEAR(values.at("alpha")[0], 0.05, 1e-15);
    EXPECT_EQ(values.at("pull")[0], 0.0);
  }
}

TEST(GradientFlow, ReportsMomentsOfTheJointFlow) {
  const auto values = values_of(settings("hard", "joint"));

  EXPECT_NEAR(values.at("time_to_half_focus"), 600.5, 0.1);
  EXPECT_NEAR(values.at("time_to_90_focus"), 706.6, 0.1);
  EXPECT_EQ(values.at("nu_crossings_soft").size(), 1U);
  EXPECT_NEAR(values.at("nu_crossings_soft")[0], 677.916, 0.01);
  EXPECT_NEAR(values.at("nu_crossings_lvml")[0], 745.799, 0.01);
  EXPECT_FALSE(values.contains("nu_crossings_hard"));
  EXPECT_LT(values.at("curve_error"), 1e-8);
}

TEST(GradientFlow, LeavesOutMomentsThatDoNotCome) {
  const auto values = values_of(settings("hard", "joint", {{"times", {0, 500}}}));

  EXPECT_FALSE(values.contains("time_to_half_focus"));
  EXPECT_FALSE(values.contains("nu_crossings_soft"));
}

// Expected: the closed forms at C = 20, alpha = 0.2; nu = log(0.2 * 19 / 0.8).
TEST(GradientFlow, ReportsAFixedFocusInClosedForm) {
  const auto values = values_of(settings("soft", 0.2));

  EXPECT_NEAR(values.at("mu")[1], 3.8996524626, 1e-9);
  EXPECT_NEAR(values.at("pull")[1], 3.498053688, 1e-8);
  EXPECT_NEAR(values.at("train_loss")[1], 2.273189199, 1e-8);
  EXPECT_EQ(values.at("alpha"), (json{0.2, 0.2, 0.2}));
  EXPECT_NEAR(values.at("nu")[1], std::log(4.75), 1e-14);
  EXPECT_NEAR(values.at("peak_pull"), 7.617285, 1e-6);
  EXPECT_NEAR(values.at("peak_pull_time"), 1485.433, 1e-3);
  EXPECT_FALSE(values.contains("curve_error"));
}

TEST(GradientFlow, ReportsThePeakOfThePullForSoftAlone) {
  EXPECT_FALSE(values_of(settings("hard", 0.2)).contains("peak_pull"));
  EXPECT_FALSE(values_of(settings("soft", "joint")).contains("peak_pull"));
}

// Expected: the published scheme's end point, 2.1e-5 below the exact one.
TEST(GradientFlow, GoesByEulerOnDemand) {
  const auto values = values_of(settings("soft", "joint", {{"integrator", "euler"}}));

  EXPECT_NEAR(values.at("mu")[2], 6.31399307, 1e-7);
}

TEST(GradientFlow, ReportsTheSameForEveryTrialOfAPack) {
  const auto results =
      train(settings("lvml", "joint"), {{.id = "a", .seed = 1}, {.id = "b", .seed = 2}});

  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].id, "a");
  EXPECT_EQ(results[1].id, "b");
  EXPECT_EQ(results[0].values, results[1].values);
}

TEST(GradientFlow, DeclaresWhateverItReports) {
  const auto declared = gradient_flow().declaration.variables;
  for (const auto* loss : {"soft", "hard", "lvml"}) {
    for (const json& focus : {json("joint"), json(0.6)}) {
      const auto values = values_of(settings(loss, focus));
      for (const auto& [name, value] : values.items()) {
        ASSERT_TRUE(declared.contains(name)) << name;
        EXPECT_EQ(declared.at(name).dims.size(), value.is_array() ? 1U : 0U) << name;
      }
    }
  }
}

TEST(GradientFlow, RefusesSettingsThatMakeNoSense) {
  EXPECT_EQ(problem_of(settings("soft", "joint")), "");
  EXPECT_EQ(problem_of(settings("soft", "joined")), "focus: unknown focus 'joined'");
  EXPECT_EQ(problem_of(settings("soft", 0)),
            "focus: must be above 0, for nothing is learned there");
  EXPECT_EQ(problem_of(settings("soft", 1.5)), "focus: must be at most 1, not 1.5");
  EXPECT_EQ(problem_of(settings("soft", true)), "focus: must be a number or joint, not true");
  EXPECT_EQ(problem_of(settings("soft", 1, {{"times", json::array()}})), "times: must hold a time");
  EXPECT_EQ(problem_of(settings("soft", 1, {{"times", {2, 1}}})), "times: must rise");
  EXPECT_EQ(problem_of(settings("soft", 1, {{"times", {-1, 1}}})),
            "times: must be at least 0, not -1");
  EXPECT_EQ(problem_of(settings("soft", 1, {{"segments", 1}})),
            "segments: must be at least 2, not 1");
  EXPECT_EQ(problem_of(settings("soft", 1, {{"integrator", {{"name", "euler"}, {"step", 0}}}})),
            "integrator.step: must be at least 1e-06, not 0");
  EXPECT_EQ(problem_of(settings("soft", 1, {{"integrator", {{"step", 0.1}}}})),
            "integrator.step: does not apply to integrator 'adaptive'");
}

TEST(GradientFlow, RefusesALearningRate) {
  EXPECT_THROW(train(settings("soft", 1), {{.id = "a", .learning_rate = 0.1}}), SettingError);
}

TEST(GradientFlow, ReportsNothingOnceItIsToldToStop) {
  EXPECT_TRUE(train(settings("soft", 1), {{}}, /*is_stopped=*/true).empty());
}

}  // namespace
}  // namespace trainer
