#include "sweep/prepare.hpp"

#include <gtest/gtest.h>

#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

/// A config that names the scripted trainer in line 1.
std::string scripted(const std::string& rest) {
  return "trainer: [" SCRIPTED_TRAINER "]\n" + rest;
}

PreparedSweep prepare(const std::string& yaml) {
  const TemporaryFolder folder;
  return prepare_sweep({.config = folder.write("a.yaml", yaml), .device = DeviceChoice::cpu});
}

std::string refusal_of(const std::string& yaml) {
  try {
    prepare(yaml);
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

TEST(PrepareSweep, GivesEveryTrialAnIdentityAndEveryCombinationAWidth) {
  const auto sweep = prepare(scripted("grid: {width: [2, 3], seed: 0..4}"));

  EXPECT_EQ(sweep.ids.size(), 10U);
  EXPECT_EQ(sweep.pack_widths, (std::vector<int>{4, 4}));
  EXPECT_EQ(sweep.plan.study, "scripted");
  EXPECT_TRUE(sweep.plan.variables.contains("score"));
}

TEST(PrepareSweep, TakesTrialsForEquallyCostlyWhereTheTrainerSaysNothing) {
  EXPECT_EQ(prepare(scripted("grid: {width: [2, 3], seed: 0..4}")).costs,
            (std::vector<double>{1, 1}));
}

TEST(PrepareSweep, PutsTheLineOfAValueToWhatTheTrainerRefuses) {
  const auto text = refusal_of(scripted("grid:\n  width:\n    - 2\n    - 1\n"));

  EXPECT_NE(text.find("width must be at least 2 in "), std::string::npos) << text;
  EXPECT_NE(text.find("(line 5), try 2"), std::string::npos) << text;
}

TEST(PrepareSweep, ReportsProblemsOfStructureAndSettingsTogether) {
  const auto text = refusal_of(scripted("trial: {width: 1}\nfoo: 1\n"));

  EXPECT_NE(text.find("width must be at least 2"), std::string::npos) << text;
  EXPECT_NE(text.find("unknown key 'foo'"), std::string::npos) << text;
  EXPECT_NE(text.find("2 problems, nothing was started"), std::string::npos) << text;
}

TEST(PrepareSweep, RefusesTrialsThatAreTheSame) {
  const auto text = refusal_of(scripted("grid:\n  seed: [0, 1]\n  learning_rate: [0.1, 1e-1]\n"));

  EXPECT_NE(text.find("trial 2 (seed=0 learning_rate=0.1) is the same as trial 1"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("(line 4)"), std::string::npos) << text;
}

TEST(PrepareSweep, RefusesAnAxisWithTheNameOfAVariable) {
  EXPECT_NE(refusal_of(scripted("grid: {score: [1, 2]}")).find("cannot be called 'score'"),
            std::string::npos);
  EXPECT_NE(refusal_of(scripted("grid: {status: [1, 2]}")).find("cannot be called 'status'"),
            std::string::npos);
}

TEST(PrepareSweep, RefusesAnAxisWhoseNameHdf5CannotHold) {
  EXPECT_NE(refusal_of(scripted("grid: {a/b: [1, 2]}")).find("cannot be called 'a/b'"),
            std::string::npos);
}

/// What is said about a trainer that declares these variables, a JSON object.
std::string refusal_of_variables(const std::string& variables) {
  const TemporaryFolder folder;
  folder.write("t.sh",
               "exec 0<&3 1>&3\nread hello\n"
               R"(echo '{"type":"ready","trainer":"t","device":"d","studies":{"s":{)"
               R"("version":1,"settings":{},"variables":)" +
                   variables + "}}}'\nread check\n" + R"(echo '{"type":"checked","problems":[]}')" +
                   "\nread stop\n");
  const auto config = folder.write("a.yaml", "trainer: [bash, t.sh]\ngrid: {seed: 0..1}\n");
  try {
    prepare_sweep({.config = config, .device = DeviceChoice::cpu});
    return "";
  } catch (const ConfigError& error) {
    return error.what();
  }
}

class DeclaredNameTest : public testing::TestWithParam<std::string> {};

TEST_P(DeclaredNameTest, ThatEveryResultsFileHasIsRefused) {
  const auto& name = GetParam();

  const auto variable = refusal_of_variables(R"({")" + name + R"(":{"dims":[]}})");
  const auto dim = refusal_of_variables(R"({"x":{"dims":[")" + name + R"("]}})");

  EXPECT_NE(variable.find("the trainer bash t.sh declares a variable '" + name + "'"),
            std::string::npos)
      << variable;
  EXPECT_NE(dim.find("the trainer bash t.sh declares a dim '" + name + "'"), std::string::npos)
      << dim;
}

INSTANTIATE_TEST_SUITE_P(PrepareSweep, DeclaredNameTest,
                         testing::Values("trial", "status", "error", "attempts", "elapsed_s",
                                         "rank", "device", "workers"));

TEST(PrepareSweep, RefusesAVariableWithTheNameOfAnAxis) {
  EXPECT_NE(refusal_of_variables(R"({"seed":{"dims":[]}})").find("cannot be called 'seed'"),
            std::string::npos);
}

TEST(PrepareSweep, RefusesVariablesWhoseNameHdf5CannotHold) {
  for (const char* name : {"", "a/b", ".", ".hidden", "a\\u0000b", "ends "}) {
    const auto text = refusal_of_variables(R"({")" + std::string(name) + R"(":{"dims":[]}})");
    EXPECT_NE(text.find("results.h5 cannot hold it"), std::string::npos) << name << ": " << text;
  }
}

TEST(PrepareSweep, RefusesAVariableThatIsADimOfAnother) {
  const auto text =
      refusal_of_variables(R"({"curve":{"dims":["step"]},"step":{"dims":["epoch"]}})");

  EXPECT_NE(text.find("declares 'step' as a dim and as a variable"), std::string::npos) << text;
}

TEST(PrepareSweep, TakesVariablesThatAreCoordinatesOfTheirDim) {
  EXPECT_EQ(refusal_of_variables(R"({"curve":{"dims":["größe"]},"größe":{"dims":["größe"]}})"), "");
}

TEST(PrepareSweep, DoesNotAskTheTrainerAboutAConfigItCannotRead) {
  EXPECT_NE(refusal_of("trial: [").find("not valid YAML"), std::string::npos);
}

TEST(PrepareSweep, SaysWhyATrainerCannotBeAsked) {
  EXPECT_THROW(prepare("trainer: [/nowhere/trainer]\ngrid: {seed: [0]}"), protocol::ProtocolError);
}

TEST(PrepareSweep, FindsATrainerBesideTheConfig) {
  const TemporaryFolder folder;
  folder.write("t.sh", "exec " SCRIPTED_TRAINER "\n");
  const auto config = folder.write("a.yaml", "trainer: [bash, t.sh]\ngrid: {seed: 0..1}\n");

  EXPECT_EQ(prepare_sweep({.config = config, .device = DeviceChoice::cpu}).ids.size(), 2U);
}

}  // namespace
}  // namespace sweep
