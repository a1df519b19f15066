#include "sweep/grid.hpp"

#include <set>

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

struct Expansion {
  Config config = {};
  Grid grid = {};
  std::string problems = {};
};

Expansion expand(const std::string& yaml) {
  const TemporaryFolder folder;
  std::vector<ConfigProblem> problems;
  Expansion expansion;
  expansion.config = read_config(folder.write("a.yaml", yaml), {}, problems);
  expansion.grid = expand_grid(expansion.config, problems);
  expansion.problems = describe(problems, "a.yaml");
  return expansion;
}

TEST(Grid, IsTheCrossProductWithTheLastAxisFastest) {
  const auto grid = expand("grid: {loss: [soft, hard], seed: 0..2}").grid;

  ASSERT_EQ(grid.trials.size(), 6U);
  EXPECT_EQ(grid.trials[0].seed, 0);
  EXPECT_EQ(grid.trials[1].seed, 1);
  EXPECT_EQ(grid.trials[3].seed, 0);
  EXPECT_EQ(grid.combinations[grid.trials[3].combination].settings.at("loss"), "hard");
}

TEST(Grid, SharesACombinationAmongSeedsAndRates) {
  const auto grid = expand("grid: {seed: 0..4, loss: [soft, hard], learning_rate: [1, 0.5]}").grid;

  EXPECT_EQ(grid.trials.size(), 20U);
  EXPECT_EQ(grid.combinations.size(), 2U);
}

TEST(Grid, GivesEveryTrialItsPointWhereverSeedsAndRatesStand) {
  const auto grid =
      expand("grid: {a: [1, 2], seed: [5, 6, 7], b: [3, 4], learning_rate: [0.5, 1], c: [8, 9]}")
          .grid;

  ASSERT_EQ(grid.combinations.size(), 8U);
  std::size_t index = 0;
  for (const int a : {1, 2})
    for (const int seed : {5, 6, 7})
      for (const int b : {3, 4})
        for (const double rate : {0.5, 1.0})
          for (const int c : {8, 9}) {
            const auto trial = grid.trials[index++];
            EXPECT_EQ(trial.seed, seed);
            EXPECT_EQ(trial.learning_rate, rate);
            EXPECT_EQ(grid.combinations.at(trial.combination).settings,
                      (nlohmann::json{{"a", a}, {"b", b}, {"c", c}}));
          }
  EXPECT_EQ(index, grid.trials.size());
}

TEST(Grid, HasOneTrialWithoutAxes) {
  const auto grid = expand("trial: {epochs: 3}").grid;

  ASSERT_EQ(grid.trials.size(), 1U);
  EXPECT_EQ(grid.trials[0].seed, std::nullopt);
  EXPECT_EQ(grid.trials[0].learning_rate, std::nullopt);
}

TEST(Grid, KeepsSeedAndRateOutOfTheSettings) {
  const auto grid = expand("trial: {learning_rate: 0.1, epochs: 3}\ngrid: {seed: [7]}").grid;

  ASSERT_EQ(grid.trials.size(), 1U);
  EXPECT_EQ(grid.trials[0].learning_rate, 0.1);
  EXPECT_EQ(grid.trials[0].seed, 7);
  EXPECT_EQ(grid.combinations[0].settings, (nlohmann::json{{"epochs", 3}}));
}

TEST(Grid, PutsADataSetInPlaceOfItsName) {
  const auto grid = expand(
                        "datasets: {digits: {kind: mosaic, segments: 9}}\n"
                        "grid: {dataset: [digits]}")
                        .grid;

  EXPECT_EQ(grid.combinations[0].settings.at("dataset").at("segments"), 9);
  EXPECT_EQ(grid.axes[0].values[0], "digits");
}

TEST(Grid, LetsDottedKeysReachInsideAtLast) {
  const auto grid = expand(
                        "datasets: {digits: {kind: mosaic, segments: 9}}\n"
                        "grid: {dataset.segments: [5, 7], dataset: [digits]}")
                        .grid;

  ASSERT_EQ(grid.combinations.size(), 2U);
  EXPECT_EQ(grid.combinations[1].settings.at("dataset").at("segments"), 7);
  EXPECT_EQ(grid.combinations[1].settings.at("dataset").at("kind"), "mosaic");
}

TEST(Grid, TakesATextForItsNameWhenADottedKeyReachesInside) {
  const auto grid = expand("trial: {model: mlp}\ngrid: {model.hidden: [8]}").grid;

  EXPECT_EQ(grid.combinations[0].settings.at("model"),
            (nlohmann::json{{"name", "mlp"}, {"hidden", 8}}));
}

TEST(Grid, RefusesRatesAndSeedsThatCannotBe) {
  EXPECT_EQ(expand("grid:\n  learning_rate: [0.1, 0]\n").problems,
            "mpisweep: learning_rate is 0 in a.yaml (line 2), want a number above 0\n");
  EXPECT_EQ(expand("trial: {seed: 1.5}\n").problems,
            "mpisweep: seed is 1.5 in a.yaml (line 1), want a whole number, at least 0\n");
}

TEST(Grid, SuggestsADataSetForAMisspeltName) {
  EXPECT_EQ(expand("datasets: {digits: {a: 1}}\ngrid: {dataset: [digit]}\n").problems,
            "mpisweep: there is no data set 'digit' in a.yaml (line 2), did you mean 'digits'?\n");
}

TEST(Grid, RefusesAKeyInTrialAndGrid) {
  EXPECT_NE(expand("trial: {loss: soft}\ngrid: {loss: [hard]}\n")
                .problems.find("'loss' stands in trial and in grid"),
            std::string::npos);
}

TEST(Grid, HasNoTrialsWhereThereWouldBeTooMany) {
  const auto expansion = expand("grid: {seed: 0..99999, learning_rate: 1..1000}");

  EXPECT_NE(expansion.problems.find("more than 10 million trials"), std::string::npos);
  EXPECT_EQ(expansion.grid.trials.size(), 0U);
}

TEST(PlaceOfSetting, FindsTheValueThatCounts) {
  const auto [config, grid, problems] = expand(
      "datasets:\n"
      "  digits:\n"
      "    kind: mosaic\n"
      "    segments: 1\n"
      "trial:\n"
      "  epochs: 0\n"
      "grid:\n"
      "  loss:\n"
      "    - soft\n"
      "    - sotf\n"
      "  dataset: [digits]\n");

  const auto line = [&config = config](const Combination& combination, const char* key) {
    return place_of_setting(config, combination, key).line;
  };
  EXPECT_EQ(line(grid.combinations[1], "loss"), 10);
  EXPECT_EQ(line(grid.combinations[0], "dataset.segments"), 4);
  EXPECT_EQ(line(grid.combinations[0], "epochs"), 6);
}

TEST(PlaceOfSetting, ReachesIntoLists) {
  const auto [config, grid, problems] = expand(
      "trial:\n"
      "  phases:\n"
      "    - loss: soft\n"
      "      epochs: 2\n"
      "    - loss: sotf\n"
      "      epochs: 0\n");

  const auto line = [&config = config, &grid = grid](const char* key) {
    return place_of_setting(config, grid.combinations[0], key).line;
  };
  EXPECT_EQ(line("phases.1.loss.name"), 5);
  EXPECT_EQ(line("phases.1.epochs"), 6);
  EXPECT_EQ(line("phases.7.epochs"), 2);
}

TEST(Identify, DependsOnEverythingThatDecidesAResult) {
  const nlohmann::json settings = {{"epochs", 3}};
  const GridTrial trial{.seed = 1, .learning_rate = 0.1};

  const std::set<results::TrialId> ids = {identify(settings, 1, trial),
                                          identify({{"epochs", 4}}, 1, trial),
                                          identify(settings, 2, trial),
                                          identify(settings, 1, {.seed = 2, .learning_rate = 0.1}),
                                          identify(settings, 1, {.seed = 1, .learning_rate = 0.2}),
                                          identify(settings, 1, {.seed = 1})};

  EXPECT_EQ(ids.size(), 6U);
}

TEST(Identify, NeverChangesOrFinishedTrialsWouldRunAgain) {
  // XXH3 of the settings, the study's version, the seed and the learning rate, one to a line; by a
  // program of its own over {"epochs":3,"loss":"soft"}\n2\n7\n0.05 and {}\n1\nnull\nnull
  EXPECT_EQ(identify({{"epochs", 3}, {"loss", "soft"}}, 2, {.seed = 7, .learning_rate = 0.05}),
            0x47b58c56b045cefeU);
  EXPECT_EQ(identify(nlohmann::json::object(), 1, {}), 0x04af8b9076ed42c3U);
}

TEST(Identify, IgnoresTheOrderOfKeys) {
  const auto one = nlohmann::json::parse(R"({"a":1,"b":2})");
  const auto other = nlohmann::json::parse(R"({"b":2,"a":1})");

  EXPECT_EQ(identify(one, 1, {}), identify(other, 1, {}));
}

TEST(LabelTrial, NamesTheAxesThatVary) {
  const std::vector<results::Axis> axes = {
      {"loss", {"soft", "hard"}}, {"dataset", {"digits"}}, {"seed", {0, 1, 2}}};

  EXPECT_EQ(label_trial(axes, 5), "loss=hard seed=2");
}

}  // namespace
}  // namespace sweep
