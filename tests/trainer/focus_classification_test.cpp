#include "trainer/focus_classification.hpp"

#include <set>

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"
#include "tests/trainer/idx_writer.hpp"

namespace trainer {
namespace {

using nlohmann::json;

json settings(const json& changes = json::object()) {
  json all = {{"study", "focus_classification"},
              {"loss", "soft"},
              {"epochs", 2},
              {"model", "linear"},
              {"dataset", {{"kind", "linear_orthogonal"}, {"size", 40}}}};
  all.update(changes);
  return all;
}

protocol::PackRequest request(const json& settings, const std::vector<double>& rates) {
  protocol::PackRequest pack = {.pack = 5, .settings = settings};
  for (const auto rate : rates) {
    pack.trials.push_back({.id = std::to_string(rate), .seed = 1, .learning_rate = rate});
  }
  return pack;
}

std::vector<protocol::Result> train(const protocol::PackRequest& pack) {
  std::vector<protocol::Result> results;
  focus_classification("cpu").train(
      pack, {.on_result = [&](const protocol::Result& result) { results.push_back(result); }});
  return results;
}

std::vector<std::string> keys(const std::vector<protocol::Problem>& problems) {
  std::vector<std::string> keys;
  for (const auto& problem : problems)
    keys.push_back(problem.key);
  return keys;
}

TEST(FocusClassification, DeclaresTheDefaultsOfTheStudy) {
  const auto declared = focus_classification("cpu").declaration.settings;

  EXPECT_EQ(declared.at("epochs").default_value, 30);
  EXPECT_EQ(declared.at("batch_size").default_value, 250);
  EXPECT_EQ(declared.at("model.name").default_value, "mlp");
  EXPECT_EQ(declared.at("optimizer.momentum").default_value, 0.9);
  EXPECT_EQ(declared.at("order").default_value, "shared");
  EXPECT_EQ(declared.at("precision").default_value, "float32");
  EXPECT_EQ(declared.at("dataset.images").default_value, "mnist");
}

/// Mosaics with a test set.
class WithTestSet : public testing::Test {
 protected:
  WithTestSet() { write_image_folder(folder_.path(), 60, 12, 10); }

  json settings_with(json changes = json::object()) const {
    changes["dataset"] = {{"kind", "mosaic"},
                          {"root", folder_.path().string()},
                          {"train_size", 40},
                          {"test_size", 20}};
    return settings(changes);
  }

  TemporaryFolder folder_;
};

/// The lengths of nested lists.
std::vector<std::size_t> lengths(const json& value) {
  std::vector<std::size_t> all;
  for (const auto* part = &value; part->is_array(); part = &part->front())
    all.push_back(part->size());
  return all;
}

TEST_F(WithTestSet, ReportsOnlyDeclaredVariablesOfTheDeclaredLengths) {
  const std::map<std::string, std::size_t> length = {
      {"epoch", 3}, {"focus_bin", 5}, {"score_bin", 5}, {"edge", 6}};
  const auto declared = focus_classification("cpu").declaration.variables;

  auto values = train(request(settings_with({{"rules", "all"}}), {0.1}))[0].values;
  values.update(train(request(settings_with({{"focus", 0.4}}), {0.1}))[0].values);

  EXPECT_EQ(values.size() + 1, declared.size());  // all but switch_epoch
  for (const auto& [name, value] : values.items()) {
    ASSERT_TRUE(declared.contains(name)) << name;
    std::vector<std::size_t> expected;
    for (const auto& dim : declared.at(name).dims)
      expected.push_back(length.at(dim));
    EXPECT_EQ(lengths(value), expected) << name;
  }
}

TEST(FocusClassification, ReportsThePullOfAFixedFocusAndWhatALearnedOneShows) {
  const auto learned = train(request(settings(), {0.1}))[0].values;
  EXPECT_FALSE(learned.contains("train_pull"));
  EXPECT_TRUE(learned.contains("train_score_gap"));
  EXPECT_EQ(learned.at("focus_heatmap"), learned.at("final_train_focus_heatmap"));

  const auto values = train(request(settings({{"focus", 0.4}}), {0.1}))[0].values;

  EXPECT_FALSE(values.contains("train_score_gap"));
  EXPECT_FALSE(values.contains("focus_heatmap"));
  EXPECT_EQ(values.at("train_pull").size(), 3U);
  EXPECT_NEAR(values.at("final_train_focus_weight").get<double>(), 0.4, 1e-6);
}

TEST(FocusClassification, HasNoPullAtFullFocus) {
  const auto pull = train(request(settings({{"focus", 1}}), {0.1}))[0].values.at("train_pull");

  EXPECT_EQ(pull, (json{0.0, 0.0, 0.0}));
}

TEST(FocusClassification, RefusesAFocusOfNothingAndUnknownWords) {
  const auto study = focus_classification("cpu");

  EXPECT_EQ(keys(study.check(settings({{"focus", 0}})).problems),
            (std::vector<std::string>{"focus"}));
  EXPECT_EQ(keys(study.check(settings({{"focus", 1.5}})).problems),
            (std::vector<std::string>{"focus"}));
  EXPECT_EQ(keys(study.check(settings({{"focus", "fixed"}})).problems),
            (std::vector<std::string>{"focus"}));
}

TEST(FocusClassification, RefusesAFixedFocusWhereTheFocusNetworkReadsTokens) {
  const auto verdict = focus_classification("cpu").check(settings(
      {{"focus", 0.4}, {"model", "embedding"}, {"dataset", {{"kind", "generated_posts"}}}}));

  ASSERT_EQ(keys(verdict.problems), (std::vector<std::string>{"focus"}));
  EXPECT_EQ(verdict.problems[0].problem, "must be joint for a model that reads tokens");
}

/// Entry 0 of the training loss over 40 inputs, in batches of 32 and 8 unless told.
double loss_before_training(const json& changes) {
  auto all = settings({{"batch_size", 32}});
  all.update(changes);
  return train(request(all, {0.1}))[0].values.at("train_loss")[0];
}

// The first batch of 32 counts as much as the last of 8.
TEST(FocusClassification, StartsCurvesAfterUpdatesFromAllBatchesAlikeOrFromTheLast) {
  const json after_update = {{"train_metrics", "after_update"}};
  const json last_batch = {{"train_metrics", "after_update"}, {"epoch0", "last_batch"}};
  const auto by_inputs = loss_before_training(json::object());
  const auto last = loss_before_training(last_batch);
  const auto first = (40 * by_inputs - 8 * last) / 32;

  EXPECT_GT(std::abs(first - last), 1e-4);
  EXPECT_NEAR(loss_before_training(after_update), (first + last) / 2, 1e-5);
}

TEST(FocusClassification, RefusesALastBatchWhereTheWholeSetIsMeasured) {
  const auto verdict = focus_classification("cpu").check(settings({{"epoch0", "last_batch"}}));

  ASSERT_EQ(keys(verdict.problems), (std::vector<std::string>{"epoch0"}));
  EXPECT_EQ(verdict.problems[0].hint, "needs train_metrics: after_update");
}

// The names are a contract with those who read the results.
TEST_F(WithTestSet, HasTheFiveMetricsUnderEachRuleAtTheEnd) {
  const auto values = train(request(settings_with(), {0.1}))[0].values;

  for (const std::string split : {"train", "test"}) {
    for (const std::string rule : {"argmax", "mixture", "blend"}) {
      const auto final_of = [&](const std::string& metric) {
        return values.at("final_" + split + "_" + metric + "_" + rule).get<double>();
      };
      EXPECT_DOUBLE_EQ(final_of("accuracy"), final_of("ftpt") + final_of("ffpt"));
      EXPECT_DOUBLE_EQ(final_of("accuracy") + final_of("ftpf") + final_of("ffpf"), 1);
    }
    EXPECT_EQ(values.at("final_" + split + "_ftpt_blend"), values.at("final_" + split + "_ftpt"));
    EXPECT_TRUE(values.at("final_" + split + "_logit_gap").is_number());
  }
}

TEST_F(WithTestSet, HasAHeatMapUnderTheLossesOwnRule) {
  const std::vector<std::pair<std::string, std::string>> rules = {
      {"soft", "blend"}, {"hard", "argmax"}, {"lvml", "mixture"}};

  for (const auto& [loss, rule] : rules) {
    const auto values = train(request(settings_with({{"loss", loss}}), {0.1}))[0].values;

    const auto& map = values.at("final_test_focus_heatmap");
    EXPECT_EQ(map, values.at("focus_heatmap"));
    EXPECT_EQ(map, values.at("final_test_focus_heatmap_" + rule)) << loss;
    double sum = 0;
    for (const auto& row : map)
      for (const auto& fraction : row)
        sum += fraction.get<double>();
    EXPECT_DOUBLE_EQ(sum, 1);
  }
}

TEST_F(WithTestSet, HasCurvesUnderEachRuleOnlyWhereTheyAreAskedFor) {
  const auto own = train(request(settings_with(), {0.1}))[0].values;
  const auto all = train(request(settings_with({{"rules", "all"}}), {0.1}))[0].values;

  for (const std::string name : {"train_accuracy_argmax", "test_ffpf_mixture", "test_logit_gap"}) {
    EXPECT_FALSE(own.contains(name));
    EXPECT_EQ(all.at(name).size(), 3U);
    EXPECT_EQ(all.at(name).back(), all.at("final_" + name));
  }
  EXPECT_EQ(all.at("test_ftpt_blend"), all.at("test_ftpt"));
  for (const auto& [name, value] : own.items())
    EXPECT_EQ(all.at(name), value) << name;
}

TEST_F(WithTestSet, HasNoNumberUnderAnyRuleAfterATrialDiverged) {
  const auto settings = settings_with({{"model", "mlp"}, {"rules", "all"}});

  const auto values = train(request(settings, {0.1, 1e30}))[1].values;

  EXPECT_TRUE(values.at("test_ftpt_argmax")[0].is_number());
  EXPECT_EQ(lengths(values.at("final_test_focus_heatmap")), (std::vector<std::size_t>{5, 5}));
  for (const auto& [name, value] : values.items()) {
    if (!name.starts_with("final_")) continue;
    EXPECT_EQ(value.dump().find_first_of("0123456789"), std::string::npos) << name;
  }
}

TEST(FocusClassification, LeavesOutTestVariablesWithoutATestSet) {
  const auto values = train(request(settings(), {0.1}))[0].values;

  for (const auto& [name, value] : values.items())
    EXPECT_EQ(name.find("test"), std::string::npos);
  EXPECT_EQ(values.at("final_train_loss"), values.at("train_loss").back());
}

TEST(FocusClassification, HasNullsFromTheEpochInWhichATrialDiverges) {
  const auto results = train(request(settings({{"model", "mlp"}}), {0.1, 1e30}));

  EXPECT_EQ(results[0].status, protocol::Outcome::finished);
  EXPECT_EQ(results[1].status, protocol::Outcome::diverged);
  EXPECT_EQ(results[1].epoch, 1);
  const auto& curve = results[1].values.at("train_loss");
  EXPECT_TRUE(curve[0].is_number());
  EXPECT_TRUE(curve[1].is_null());
  EXPECT_TRUE(curve[2].is_null());
  EXPECT_TRUE(results[1].values.at("final_train_loss").is_null());
}

TEST(FocusClassification, GivesEqualTrialsEqualResolvedSettings) {
  const auto study = focus_classification("cpu");
  const auto terse = study.check(settings({{"optimizer", "sgd"}}));
  const auto wordy = study.check(settings({{"optimizer", {{"name", "sgd"}, {"weight_decay", 0}}},
                                           {"model", {{"name", "linear"}}},
                                           {"batch_size", 250}}));

  EXPECT_TRUE(terse.problems.empty());
  EXPECT_EQ(terse.resolved.dump(), wordy.resolved.dump());
}

TEST(FocusClassification, ShowsProblemsOfDataAndOfOtherSettingsTogether) {
  const auto verdict = focus_classification("cpu").check(
      settings({{"loss", "sof"}, {"dataset", {{"kind", "mosaic"}, {"root", "/no/such/folder"}}}}));

  EXPECT_EQ(keys(verdict.problems), (std::vector<std::string>{"loss.name", "dataset.root"}));
}

TEST(FocusClassification, RefusesImagesModelsForOtherData) {
  const auto verdict = focus_classification("cpu").check(settings({{"model", "cnn"}}));

  EXPECT_EQ(keys(verdict.problems), (std::vector<std::string>{"model.name"}));
}

TEST(FocusClassification, RefusesAFixedFocusOnTokens) {
  const auto verdict = focus_classification("cpu").check(settings(
      {{"focus", 0.5}, {"model", "embedding"}, {"dataset", {{"kind", "generated_posts"}}}}));

  EXPECT_EQ(keys(verdict.problems), (std::vector<std::string>{"focus"}));
}

TEST(FocusClassification, PacksAsManyTrialsAsTheCacheHolds) {
  const auto study = focus_classification("cpu");
  const json wide = {{"kind", "linear_orthogonal"}, {"segments", 500}, {"classes", 100}};

  EXPECT_EQ(study.check(settings()).pack_width, 8);
  EXPECT_EQ(study.check(settings({{"dataset", wide}})).pack_width, 1);
  EXPECT_GT(study.check(settings()).memory_bytes, 0);
}

// A trial of the linear model on m segments of d features takes m d multiply-adds for its scores,
// and m C d more for the labels of all segments, but C d for that of a blend. Here m = 20, C = 20.
TEST(FocusClassification, EstimatesATrialByItsEpochsItsDataAndItsModel) {
  const auto study = focus_classification("cpu");
  const auto cost_of = [&](const json& changes) {
    auto all = settings({{"model", "linear"}, {"dataset", {{"kind", "linear_orthogonal"}}}});
    all.update(changes);
    return study.check(all).cost;
  };
  const auto once = cost_of({{"loss", "hard"}, {"epochs", 1}});

  EXPECT_DOUBLE_EQ(cost_of({{"loss", "hard"}, {"epochs", 7}}), 7 * once);
  EXPECT_DOUBLE_EQ(cost_of({{"loss", "hard"},
                            {"epochs", 1},
                            {"dataset", {{"kind", "linear_orthogonal"}, {"size", 20000}}}}),
                   4 * once)
      << "of 5000";
  EXPECT_NEAR(once / cost_of({{"loss", "soft"}, {"epochs", 1}}), (20 + 20 * 20) / (20 + 20.0), 0.5);
}

TEST(FocusClassification, MeasuresNoWidthsOnACpu) {
  const TemporaryFolder folder;
  const auto cache = folder.path() / "widths.json";

  EXPECT_EQ(focus_classification("cpu", cache).check(settings()).pack_width, 8);
  EXPECT_FALSE(std::filesystem::exists(cache));
}

json in_phases(const json& phases) {
  auto all = settings({{"phases", phases}});
  all.erase("loss");
  all.erase("epochs");
  return all;
}

json phase(const std::string& loss, int epochs) {
  return {{"loss", loss}, {"epochs", epochs}};
}

TEST(FocusClassification, ReportsWhereThePhasesSwitch) {
  const auto settings = in_phases({phase("soft", 2), phase("reinforce", 1), phase("hard", 1)});

  const auto values = train(request(settings, {0.1}))[0].values;

  EXPECT_EQ(values.at("switch_epoch"), (json{2, 3}));
  EXPECT_EQ(values.at("train_loss").size(), 5U);
}

TEST(FocusClassification, GivesEqualPhasesEqualResolvedSettings) {
  const auto study = focus_classification("cpu");
  auto terse = in_phases({phase("soft", 2), phase("lvml", 1)});
  terse["optimizer"] = "adam";
  auto wordy = in_phases({phase("soft", 2), phase("lvml", 1)});
  for (auto& each : wordy["phases"])
    each["optimizer"] = {{"name", "adam"}};
  wordy["phases"][1]["loss"] = {{"name", "lvml"}, {"epsilon", 0}};

  const auto resolved = study.check(terse).resolved;

  EXPECT_EQ(resolved.dump(), study.check(wordy).resolved.dump());
  EXPECT_FALSE(resolved.contains("epochs"));
}

TEST(FocusClassification, RefusesPhasesBesideALossOrEpochsOfTheTrial) {
  const auto verdict =
      focus_classification("cpu").check(settings({{"phases", {phase("hard", 1)}}}));

  ASSERT_EQ(keys(verdict.problems), (std::vector<std::string>{"loss", "epochs"}));
  EXPECT_EQ(verdict.problems[0].problem, "does not go together with phases");
  EXPECT_EQ(verdict.problems[0].hint, "every phase has its own");
}

TEST(FocusClassification, RefusesAPrecisionThatItDoesNotKnow) {
  const auto study = focus_classification("cpu");

  const auto verdict = study.check(settings({{"precision", "fp8"}}));

  ASSERT_EQ(keys(verdict.problems), (std::vector<std::string>{"precision"}));
  EXPECT_EQ(verdict.problems[0].problem, "unknown precision 'fp8'");
  EXPECT_EQ(verdict.problems[0].hint, "known are float32, tf32, bf16");
  EXPECT_EQ(keys(study.check(settings({{"precision", 16}})).problems),
            (std::vector<std::string>{"precision"}));
}

TEST(FocusClassification, TrainsInFloat32UnlessToldOtherwise) {
  const auto study = focus_classification("cpu");

  EXPECT_EQ(study.check(settings()).resolved.at("precision"), "float32");
  EXPECT_EQ(study.check(settings()).resolved.dump(),
            study.check(settings({{"precision", "float32"}})).resolved.dump());
  EXPECT_EQ(study.check(settings({{"precision", "bf16"}})).resolved.at("precision"), "bf16");
}

// The inputs can be told apart by a linear model, as in the quickstart.
TEST(FocusClassification, LearnsInBf16) {
  at::set_num_threads(1);
  const json learnable = {
      {"epochs", 30},
      {"precision", "bf16"},
      {"batch_size", 100},
      {"dataset",
       {{"kind", "linear_orthogonal"}, {"segments", 5}, {"classes", 5}, {"size", 1000}}}};

  const auto results = train(request(settings(learnable), {0.1, 0.2}));

  ASSERT_EQ(results.size(), 2U);
  for (const auto& result : results) {
    EXPECT_LT(result.values.at("train_accuracy").front().get<double>(), 0.5);
    EXPECT_GT(result.values.at("final_train_accuracy").get<double>(), 0.95);
    EXPECT_GT(result.values.at("final_train_focus_weight").get<double>(), 0.8);
  }
}

/// What was learned, without the time it took.
json values_in(const char* precision) {
  return train(request(settings({{"precision", precision}}), {0.1}))[0].values;
}

TEST(FocusClassification, GivesOtherResultsInBf16ButNotInTf32OnACpu) {
  const auto exact = values_in("float32");

  EXPECT_EQ(values_in("tf32"), exact);
  EXPECT_NE(values_in("bf16"), exact);
}

TEST(FocusClassification, RefusesPhasesThatAreNone) {
  const auto study = focus_classification("cpu");

  EXPECT_EQ(keys(study.check(in_phases(json::array())).problems),
            (std::vector<std::string>{"phases"}));
  EXPECT_EQ(keys(study.check(in_phases({phase("soft", 0), {{"epochs", 2}}})).problems),
            (std::vector<std::string>{"phases.0.epochs", "phases.1.loss.name"}));
}

TEST(FocusClassification, RefusesAPackWithUnsoundSettings) {
  EXPECT_THROW(train(request(settings({{"loss", "sof"}}), {0.1})), std::exception);
}

}  // namespace
}  // namespace trainer
