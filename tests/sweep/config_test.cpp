#include "sweep/config.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "sweep/config_text.hpp"
#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

/// A config from text, with what is wrong with it.
struct Reading {
  Config config = {};
  std::vector<ConfigProblem> problems = {};
  std::string text = {};  // of the problems, the file is called a.yaml
};

Reading read(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const TemporaryFolder folder;
  Reading reading;
  reading.config = read_config(folder.write("a.yaml", yaml), overrides, reading.problems);
  reading.text = describe(reading.problems, "a.yaml");
  return reading;
}

TEST(ParseScalar, FollowsTheYamlCoreSchema) {
  EXPECT_EQ(parse_scalar("12"), 12);
  EXPECT_EQ(parse_scalar("-3"), -3);
  EXPECT_EQ(parse_scalar("0.5"), 0.5);
  EXPECT_EQ(parse_scalar("1e-3"), 0.001);
  EXPECT_EQ(parse_scalar("true"), true);
  EXPECT_EQ(parse_scalar("~"), nullptr);
  EXPECT_EQ(parse_scalar("soft"), "soft");
  EXPECT_EQ(parse_scalar("1.2.3"), "1.2.3");
}

TEST(ParseScalar, KeepsNumbersThatNoTypeHoldsAsText) {
  EXPECT_EQ(parse_scalar("99999999999999999999"), "99999999999999999999");
  EXPECT_EQ(parse_scalar("1e999"), "1e999");
  EXPECT_EQ(parse_scalar("nan"), "nan");
}

TEST(ParseScalar, TakesIntegersUpToSixtyFourBits) {
  EXPECT_EQ(parse_scalar("9223372036854775807"), INT64_MAX);
}

TEST(ParseRange, IncludesBothEnds) {
  const auto range = parse_range("0..4");

  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->first, 0);
  EXPECT_EQ(range->last, 4);
}

TEST(ParseRange, RefusesWhatIsNoIntegerRange) {
  EXPECT_FALSE(parse_range("0..x"));
  EXPECT_FALSE(parse_range("..4"));
  EXPECT_FALSE(parse_range("0.5..4"));
  EXPECT_FALSE(parse_range("../data"));
}

TEST(ExpandEnvironment, PutsInValuesAndDefaults) {
  setenv("MPISWEEP_TEST_A", "x", 1);
  unsetenv("MPISWEEP_TEST_B");

  EXPECT_EQ(expand_environment("${MPISWEEP_TEST_A}/mnist"), "x/mnist");
  EXPECT_EQ(expand_environment("${MPISWEEP_TEST_B:-data}/mnist"), "data/mnist");
  EXPECT_EQ(expand_environment("a ${"), "a ${");
}

TEST(ExpandEnvironment, RefusesAnUnsetVariableWithoutDefault) {
  unsetenv("MPISWEEP_TEST_B");

  EXPECT_THROW(expand_environment("${MPISWEEP_TEST_B}"), std::invalid_argument);
}

TEST(Config, ReadsEveryBlock) {
  const auto [config, problems, text] = read(R"(
name: mosaics
trainer: [python3, t.py]
datasets:
  digits: {kind: mosaic}
trial: {epochs: 30}
grid:
  seed: 0..2
  loss: [soft, hard]
replicate: [seed]
run: {pack_width: 4, trial_timeout: 60}
)");

  EXPECT_EQ(text, "");
  EXPECT_EQ(config.name, "mosaics");
  EXPECT_EQ(config.trainer, (std::vector<std::string>{"python3", "t.py"}));
  EXPECT_NE(config.datasets.find("digits"), nullptr);
  EXPECT_EQ(config.trial.find("epochs")->scalar, 30);
  ASSERT_EQ(config.grid.size(), 2U);
  EXPECT_EQ(config.grid[0].values.size(), 3U);
  EXPECT_EQ(config.grid[1].values[1].scalar, "hard");
  EXPECT_EQ(config.run.pack_width, 4);
  EXPECT_EQ(config.run.trial_timeout_s, 60);
}

TEST(Config, IsNamedAfterItsFileByDefault) {
  EXPECT_EQ(read("trial: {a: 1}").config.name, "a");
}

TEST(Config, NamesAnUnknownKeyWithItsLineAndASuggestion) {
  EXPECT_EQ(read("name: x\ngird: {a: [1]}\n").text,
            "mpisweep: unknown key 'gird' in a.yaml (line 2), did you mean 'grid'?\n");
}

TEST(Config, NamesBothLinesOfADuplicateKey) {
  EXPECT_EQ(
      read("trial:\n  a: 1\n  a: 2\n").text,
      "mpisweep: key 'a' stands here a second time in a.yaml (line 3), the first is in line 2\n");
}

TEST(Config, ReportsAllProblemsInLineOrder) {
  const auto reading = read("grid: {a: []}\nrun: {pack_width: 0}\nfoo: 1\n");

  ASSERT_EQ(reading.problems.size(), 3U);
  EXPECT_LT(reading.text.find("axis 'a' is empty"), reading.text.find("run.pack_width is 0"));
  EXPECT_LT(reading.text.find("run.pack_width is 0"), reading.text.find("unknown key 'foo'"));
}

TEST(Config, RefusesAnUnsetVariable) {
  unsetenv("MPISWEEP_TEST_B");

  EXPECT_EQ(read("trial:\n  root: ${MPISWEEP_TEST_B}/x\n").text,
            "mpisweep: the environment variable 'MPISWEEP_TEST_B' is not set in a.yaml (line 2), "
            "set it, or "
            "write ${MPISWEEP_TEST_B:-default}\n");
}

TEST(Config, RefusesARangeThatIsTooLong) {
  EXPECT_NE(read("grid: {seed: 0..1000000000000}").text.find("is too long"), std::string::npos);
}

TEST(Config, RefusesAGridOfTooManyTrialsBeforeItIsMade) {
  const auto reading = read("grid:\n  seed: 0..9999999\n  learning_rate: [0.1, 0.2]\n");

  EXPECT_EQ(
      reading.text,
      "mpisweep: axis 'learning_rate' makes more than 10 million trials in a.yaml (line 3)\n");
  ASSERT_EQ(reading.config.grid.size(), 2U);
  EXPECT_TRUE(reading.config.grid[0].values.empty());
}

TEST(Config, RefusesMoreSettingsThanATrainerCanJudge) {
  EXPECT_EQ(
      read("grid:\n  seed: 0..3\n  a: 0..1000\n  b: 0..1000\n").text,
      "mpisweep: axis 'b' makes more than a million settings in a.yaml (line 4), only seed and "
      "learning_rate may have more values\n");
}

TEST(Config, TakesAMillionTrials) {
  const auto reading = read("grid: {seed: 0..99999, learning_rate: 1..10}");

  EXPECT_EQ(reading.text, "");
  EXPECT_EQ(reading.config.grid[0].values.size(), 100'000U);
}

TEST(Config, TakesARangeUpToTheLastInteger) {
  const auto reading = read("grid: {seed: 9223372036854775806..9223372036854775807}");

  ASSERT_EQ(reading.config.grid.size(), 1U);
  ASSERT_EQ(reading.config.grid[0].values.size(), 2U);
  EXPECT_EQ(reading.config.grid[0].values[1].scalar, INT64_MAX);
}

TEST(Config, ExpandsNoRangeThatIsTooLongHoweverManyProblemsThereAre) {
  std::string yaml = "trial:\n";
  for (int i = 0; i < 101; ++i)
    yaml += "  a: 1\n";  // 100 problems
  const auto reading = read(yaml + "grid: {seed: [0, 0..1000000000000]}\n");

  EXPECT_TRUE(reading.config.grid.at(0).values.empty());
}

TEST(Config, RefusesARangeThatRunsBackwards) {
  EXPECT_NE(read("grid: {seed: 9223372036854775807..9223372036854775806}").text.find("is empty"),
            std::string::npos);
  EXPECT_NE(read("grid: {seed: 4..0}").text.find("is empty"), std::string::npos);
}

TEST(Config, CopiesWhatAnAliasNames) {
  const auto reading = read("trial: &shared {epochs: 3}\ndatasets: {a: *shared}\n");

  EXPECT_EQ(reading.text, "");
  EXPECT_EQ(reading.config.datasets.find("a")->find("epochs")->scalar, 3);
}

TEST(Config, RefusesAnAliasInsideItsAnchor) {
  EXPECT_NE(read("trial: &t {a: *t}\n").text.find("an alias stands inside its own anchor"),
            std::string::npos);
}

TEST(Config, RefusesAliasesThatMultiply) {
  std::string bomb = "trial:\n  a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n";
  for (int i = 1; i < 12; ++i) {
    const auto last = "*a" + std::to_string(i - 1);
    bomb += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j)
      bomb += (j == 0 ? "" : ",") + last;
    bomb += "]\n";
  }

  EXPECT_NE(read(bomb).text.find("has more than"), std::string::npos);
}

TEST(Config, RefusesDeepNesting) {
  EXPECT_NE(read("trial: " + std::string(100, '[')).text.find("too deeply"), std::string::npos);
}

TEST(Config, RefusesNulBytesAndForeignEncodings) {
  EXPECT_NE(read(std::string("name: a\ntrial: \0", 16)).text.find("NUL byte"), std::string::npos);
  EXPECT_NE(read("name: \xff\xfe\n").text.find("not UTF-8"), std::string::npos);
}

TEST(Config, NamesTheLineThatIsNotUtf8) {
  EXPECT_EQ(read("name: ok\ntrial: {a: größer}\n# \xff\nrun: {}\n").text,
            "mpisweep: the config is not UTF-8 text in a.yaml (line 3)\n");
}

TEST(Config, RefusesAMapOfMoreKeysThanAnybodyWrites) {
  std::string yaml = "trial:\n";
  for (int i = 0; i <= 1000; ++i)
    yaml += "  k" + std::to_string(i) + ": 1\n";

  EXPECT_EQ(read(yaml).text, "mpisweep: a map has more than 1000 keys in a.yaml (line 1002)\n");
}

TEST(Config, StopsReadingAfterAHundredProblems) {
  std::string yaml = "trial:\n";
  for (int i = 0; i < 1000; ++i)
    yaml += "  a: 1\n";

  const auto reading = read(yaml);

  EXPECT_EQ(reading.problems.size(), 101U);  // 100 duplicates, and that there are too many
  EXPECT_TRUE(reading.text.ends_with("mpisweep: ... and 1 more\n")) << reading.text;
}

TEST(Config, TellsAProblemInOneLineWhateverTheKeyIs) {
  EXPECT_EQ(
      read("\"a\\nb\\e[2J\": 1\n").text,
      "mpisweep: unknown key 'a?b?[2J' in a.yaml (line 1), known are name, trainer, datasets, "
      "trial, grid, replicate, run, slurm\n");
}

TEST(Config, ShortensWhatAProblemQuotes) {
  EXPECT_LT(read("name: /" + std::string(100'000, 'x')).text.size(), 1000U);
}

TEST(Config, RefusesBrokenYamlWithItsLine) {
  EXPECT_NE(read("name: x\ntrial: {a: [1\n").text.find("not valid YAML"), std::string::npos);
}

TEST(Config, RefusesAMissingFile) {
  std::vector<ConfigProblem> problems;

  read_config("/nowhere/a.yaml", {}, problems);

  EXPECT_EQ(describe(problems, "/nowhere/a.yaml"),
            "mpisweep: cannot read the config in /nowhere/a.yaml\n");
}

TEST(Config, ReadsHowOftenThingsAreTriedAgain) {
  using protocol::Cause;
  const auto reading = read(
      "trial: {a: 1}\nrun: {retries: {crash: 5, exception: 1}, restarts: 0, restart_pause: 2.5, "
      "checkpoint_every: 0}\n");

  EXPECT_EQ(reading.text, "");
  const auto& run = reading.config.run;
  EXPECT_EQ(run.retries.at(Cause::crash), 5);
  EXPECT_EQ(run.retries.at(Cause::exception), 1);
  EXPECT_EQ(run.retries.at(Cause::hang), 1) << "the default";
  EXPECT_EQ(run.restarts, 0);
  EXPECT_EQ(run.restart_pause_s, 2.5);
  EXPECT_EQ(run.checkpoint_every_s, 0);
}

TEST(Config, TakesOneNumberOfRetriesForEveryCause) {
  const auto reading = read("trial: {a: 1}\nrun: {retries: 2}\n");

  EXPECT_EQ(reading.text, "");
  for (const auto& [cause, limit] : reading.config.run.retries)
    EXPECT_EQ(limit, 2) << protocol::to_string(cause);
}

TEST(Config, NamesWhatIsWrongInTheRunBlock) {
  const auto reading = read(
      "trial: {a: 1}\nrun:\n  retries: {crsh: 1, hang: -1}\n  restarts: 1.5\n"
      "  checkpoint_every: soon\n  grace: 0\n");

  for (const char* part :
       {"unknown key 'run.retries.crsh'", "did you mean 'crash'?",
        "run.retries.hang is -1 in a.yaml (line 3), want a whole number, at least 0",
        "run.restarts is 1.5 in a.yaml (line 4)",
        "run.checkpoint_every is soon in a.yaml (line 5), want seconds, or 0",
        "run.grace is 0 in a.yaml (line 6), want seconds, above 0"}) {
    EXPECT_NE(reading.text.find(part), std::string::npos) << part << " is not in\n" << reading.text;
  }
}

TEST(Override, SetsAFullPath) {
  EXPECT_EQ(read("trial: {epochs: 3}", {"trial.epochs=5"}).config.trial.find("epochs")->scalar, 5);
}

TEST(Override, SetsASettingByItsNameAlone) {
  EXPECT_EQ(read("trial: {epochs: 3}", {"epochs=5"}).config.trial.find("epochs")->scalar, 5);
}

TEST(Override, ReplacesAnAxisByItsNameAlone) {
  const auto config = read("grid: {seed: 0..4}", {"seed=0..1"}).config;

  ASSERT_EQ(config.grid.size(), 1U);
  EXPECT_EQ(config.grid[0].values.size(), 2U);
}

TEST(Override, FixesAnAxisThatTheTrialBlockNames) {
  const auto config = read("trial: {a: 1}\ngrid: {seed: 0..4}", {"trial.seed=7"}).config;

  EXPECT_TRUE(config.grid.empty());
  EXPECT_EQ(config.trial.find("seed")->scalar, 7);
}

TEST(Override, IsRefusedWithoutKeyOrValue) {
  EXPECT_EQ(read("", {"epochs"}).text, "mpisweep: the config is empty in a.yaml (line 1)\n");
  EXPECT_EQ(read("trial: {}", {"epochs"}).text,
            "mpisweep: --set needs key=value in --set epochs\n");
  EXPECT_EQ(read("trial: {}", {""}).text, "mpisweep: --set needs key=value in --set ''\n");
}

TEST(Override, IsNamedInProblems) {
  EXPECT_NE(read("trial: {a: 1}", {"run.pack_width=x"}).text.find("--set run.pack_width=x"),
            std::string::npos);
}

}  // namespace
}  // namespace sweep
