#include "trainer/settings.hpp"

#include <gtest/gtest.h>

namespace trainer {
namespace {

using nlohmann::json;

Schema schema() {
  const Setting momentum = {
      .key = "momentum",
      .declaration = {.type = "float", .default_value = 0.9, .min = 0.0, .max = 1.0}};
  const Setting beta = {.key = "beta", .declaration = {.type = "float", .default_value = 0.5}};
  const Setting decay = {.key = "decay", .declaration = {.type = "float", .default_value = 0.0}};
  return {.settings = {{.key = "batch_size",
                        .declaration = {.type = "int", .default_value = 250, .min = 1.0}},
                       {.key = "loss",
                        .declaration = {.type = "string", .values = {"soft", "hard", "lvml"}},
                        .is_required = true},
                       {.key = "classes",
                        .declaration = {.type = "list", .default_value = {0, 1}, .max = 255.0}},
                       {.key = "times", .declaration = {.type = "numbers", .min = 0.0}},
                       {.key = "focus", .declaration = {.type = "float", .values = {"joint"}}},
                       {.key = "is_fast", .declaration = {.type = "bool"}}},
          .sections = {{.key = "optimizer",
                        .selector = "name",
                        .default_choice = "sgd",
                        .choices = {{.name = "sgd", .settings = {momentum, decay}},
                                    {.name = "adam", .settings = {beta, decay}}}},
                       {.key = "dataset", .selector = "kind", .choices = {{.name = "mosaic"}}}}};
}

json sound() {
  return {{"loss", "soft"}, {"dataset", "mosaic"}};
}

json with(const std::string& key, const json& value) {
  auto settings = sound();
  settings[key] = value;
  return settings;
}

/// "key: problem (hint)" of the only problem.
std::string problem_of(const json& settings) {
  const auto problems = resolve(schema(), settings).problems;
  if (problems.size() != 1) return std::to_string(problems.size()) + " problems";
  const auto& only = problems.front();
  return only.key + ": " + only.problem + (only.hint.empty() ? "" : " (" + only.hint + ")");
}

TEST(Settings, TakeAWordBesideANumberWhereItIsDeclared) {
  EXPECT_EQ(resolve(schema(), with("focus", "joint")).settings["focus"], "joint");
  EXPECT_EQ(resolve(schema(), with("focus", 1)).settings["focus"].dump(), "1.0");
  EXPECT_EQ(problem_of(with("focus", "join")),
            "focus: unknown focus 'join' (did you mean 'joint'?)");
  EXPECT_EQ(problem_of(with("focus", true)), "focus: must be a number or joint, not true");
}

TEST(Settings, TakeAListOfNumbers) {
  EXPECT_EQ(resolve(schema(), with("times", {0, 2.5})).settings["times"].dump(), "[0.0,2.5]");
  EXPECT_EQ(problem_of(with("times", {1, "a"})), "times: must be a list of numbers, not [1,\"a\"]");
  EXPECT_EQ(problem_of(with("times", {1, -0.5})), "times: must be at least 0, not -0.5");
}

TEST(Settings, AreFilledInWithDefaults) {
  const auto resolved = resolve(schema(), sound());

  EXPECT_TRUE(resolved.problems.empty());
  EXPECT_EQ(resolved.settings,
            (json{{"loss", "soft"},
                  {"batch_size", 250},
                  {"classes", {0, 1}},
                  {"optimizer", {{"name", "sgd"}, {"momentum", 0.9}, {"decay", 0.0}}},
                  {"dataset", {{"kind", "mosaic"}}}}));
}

TEST(Settings, KeepOnlyWhatAppliesToTheChoice) {
  const auto resolved = resolve(schema(), with("optimizer", "adam")).settings;

  EXPECT_EQ(resolved.at("optimizer"), (json{{"name", "adam"}, {"beta", 0.5}, {"decay", 0.0}}));
}

TEST(Settings, AreTheSameHoweverTheyAreWritten) {
  const auto shorthand = resolve(schema(), with("optimizer", "sgd")).settings;
  const auto whole = resolve(schema(), with("optimizer", {{"name", "sgd"}, {"decay", 0}})).settings;

  EXPECT_EQ(shorthand.dump(), resolve(schema(), sound()).settings.dump());
  EXPECT_EQ(whole.dump(), shorthand.dump());  // 0 has become 0.0
}

TEST(Settings, ThatAreNullCountAsAbsent) {
  EXPECT_EQ(resolve(schema(), with("batch_size", nullptr)).settings.at("batch_size"), 250);
}

TEST(Settings, ThatAreUnknownGetAHint) {
  EXPECT_EQ(problem_of(with("batchsize", 2)),
            "batchsize: unknown key 'batchsize' (did you mean 'batch_size'?)");
  EXPECT_EQ(problem_of(with("optimizer", {{"momentun", 0.5}})),
            "optimizer.momentun: unknown key 'optimizer.momentun' (did you mean 'momentum'?)");
}

TEST(Settings, OfAnotherChoiceAreProblems) {
  EXPECT_EQ(problem_of(with("optimizer", {{"name", "adam"}, {"momentum", 0.5}})),
            "optimizer.momentum: does not apply to optimizer 'adam' (belongs to sgd)");
}

TEST(Settings, WithUnknownNamesGetAHintToo) {
  EXPECT_EQ(problem_of(with("loss", "sof")), "loss: unknown loss 'sof' (did you mean 'soft'?)");
  EXPECT_EQ(problem_of(with("loss", "cross_entropy")),
            "loss: unknown loss 'cross_entropy' (known are soft, hard, lvml)");
  EXPECT_EQ(problem_of(with("optimizer", "sdg")),
            "optimizer.name: unknown optimizer 'sdg' (did you mean 'sgd'?)");
}

TEST(Settings, OfTheWrongTypeAreProblems) {
  EXPECT_EQ(problem_of(with("batch_size", 2.5)), "batch_size: must be a whole number, not 2.5");
  EXPECT_EQ(problem_of(with("batch_size", "2")), "batch_size: must be a whole number, not \"2\"");
  EXPECT_EQ(problem_of(with("is_fast", 1)), "is_fast: must be true or false, not 1");
  EXPECT_EQ(problem_of(with("classes", 3)), "classes: must be a list of whole numbers, not 3");
  EXPECT_EQ(problem_of(with("optimizer", 3)),
            "optimizer: must be a map or the name of one of: sgd, adam");
}

TEST(Settings, OutOfRangeAreProblems) {
  EXPECT_EQ(problem_of(with("batch_size", 0)), "batch_size: must be at least 1, not 0");
  EXPECT_EQ(problem_of(with("optimizer", {{"momentum", 1.5}})),
            "optimizer.momentum: must be at most 1, not 1.5");
  EXPECT_EQ(problem_of(with("classes", {1, 256})), "classes: must be at most 255, not 256");
}

TEST(Settings, ThatAreRequiredMustBeThere) {
  EXPECT_EQ(problem_of({{"dataset", "mosaic"}}), "loss: is missing");
  EXPECT_EQ(problem_of({{"loss", "soft"}}), "dataset.kind: is missing (known are mosaic)");
}

Schema schema_of_lists() {
  const Setting size = {
      .key = "size", .declaration = {.type = "int", .min = 1.0}, .is_required = true};
  const Section kind = {.key = "kind",
                        .selector = "name",
                        .choices = {{.name = "a"}, {.name = "b"}},
                        .is_optional = true};
  return {
      .lists = {{.key = "parts", .help = "[{size: 1}]", .settings = {size}, .sections = {kind}}}};
}

std::vector<std::string> problems_of_parts(const json& parts) {
  std::vector<std::string> lines;
  for (const auto& each : resolve(schema_of_lists(), {{"parts", parts}}).problems)
    lines.push_back(each.key + ": " + each.problem + ", " + each.hint);
  return lines;
}

TEST(Settings, InListsAreFilledInMapByMap) {
  const auto resolved =
      resolve(schema_of_lists(), {{"parts", {{{"size", 2}, {"kind", "a"}}, {{"size", 3}}}}});

  EXPECT_TRUE(resolved.problems.empty());
  EXPECT_EQ(resolved.settings.at("parts"),
            (json{{{"size", 2}, {"kind", {{"name", "a"}}}}, {{"size", 3}}}));
}

TEST(Settings, ThatAreNoListOfMapsAreProblems) {
  const std::vector<std::string> expected = {
      "parts: must be a list of at least one map, [{size: 1}]"};

  EXPECT_EQ(problems_of_parts(3), expected);
  EXPECT_EQ(problems_of_parts(json::array()), expected);
  EXPECT_EQ(problems_of_parts({{{"size", 1}}, 3}), expected);
}

TEST(Settings, InListsAreNamedByTheirPlace) {
  EXPECT_EQ(
      problems_of_parts({{{"size", 2}, {"sise", 1}}, {{"kind", "c"}, {"size", 0}}}),
      (std::vector<std::string>{"parts.0.sise: unknown key 'parts.0.sise', did you mean 'size'?",
                                "parts.1.size: must be at least 1, not 0, ",
                                "parts.1.kind.name: unknown kind 'c', known are a, b"}));
}

TEST(Settings, ShowAllTheirProblemsAtOnce) {
  const auto problems =
      resolve(schema(), {{"loss", "x"}, {"batch_size", 0}, {"nonsense", 1}, {"optimizer", "x"}})
          .problems;

  EXPECT_EQ(problems.size(), 5U);  // these four, and the data set is missing
}

TEST(Declarations, NameEverySettingByItsPath) {
  const auto declared = declarations(schema());

  EXPECT_EQ(declared.at("optimizer.momentum").help, " (sgd)");
  EXPECT_EQ(declared.at("optimizer.decay").help, " (sgd, adam)");
  EXPECT_EQ(declared.at("optimizer.name").default_value, "sgd");
  EXPECT_EQ(declared.at("optimizer.name").values, (std::vector<std::string>{"sgd", "adam"}));
  EXPECT_TRUE(declared.at("dataset.kind").default_value.is_null());
  EXPECT_EQ(declared.size(), 11U);
}

TEST(Declarations, ShowDefaultsThatDependOnTheChoice) {
  const Schema schema = {
      .sections = {
          {.key = "dataset",
           .selector = "kind",
           .choices = {{.name = "a", .settings = {whole_number("size", 5, 1, "inputs")}},
                       {.name = "b", .settings = {whole_number("size", 7, 1, "inputs")}}}}}};

  const auto declared = declarations(schema).at("dataset.size");

  EXPECT_TRUE(declared.default_value.is_null());
  EXPECT_EQ(declared.help, "inputs; default 5 (a), 7 (b)");
}

/// Two kinds of one name: what a `source` holds, or drawn.
Schema schema_of_two_mosaics() {
  const Setting source = one_of("source", "folder", {"folder", "drawn"}, "");
  const Setting root = {
      .key = "root", .declaration = {.type = "string", .help = "a folder"}, .is_required = true};
  const Setting seed = whole_number("seed", 0, 0, "");
  return {.sections = {{.key = "dataset",
                        .selector = "kind",
                        .choices = {{.name = "mosaic", .settings = {source, root}},
                                    {.name = "mosaic",
                                     .settings = {one_of("source", "drawn", {"drawn"}, ""), seed},
                                     .only_with = Word{"source", "drawn"}}}}}};
}

Resolved resolve_mosaic(const json& dataset) {
  return resolve(schema_of_two_mosaics(), {{"dataset", dataset}});
}

TEST(Settings, OfOneNameAreToldApartByAWord) {
  const auto drawn = resolve_mosaic({{"kind", "mosaic"}, {"source", "drawn"}});
  EXPECT_TRUE(drawn.problems.empty());
  EXPECT_EQ(drawn.settings["dataset"],
            json({{"kind", "mosaic"}, {"source", "drawn"}, {"seed", 0}}));

  const auto folder = resolve_mosaic({{"kind", "mosaic"}, {"root", "/data"}});
  EXPECT_TRUE(folder.problems.empty());
  EXPECT_EQ(folder.settings["dataset"],
            json({{"kind", "mosaic"}, {"source", "folder"}, {"root", "/data"}}));
}

TEST(Settings, OfOneNameDoNotMix) {
  const auto root =
      resolve_mosaic({{"kind", "mosaic"}, {"source", "drawn"}, {"root", "/data"}}).problems;
  ASSERT_EQ(root.size(), 1);
  EXPECT_EQ(root[0].problem, "does not apply to dataset 'mosaic with source drawn'");
  EXPECT_EQ(root[0].hint, "belongs to mosaic");

  const auto seed = resolve_mosaic({{"kind", "mosaic"}, {"root", "/data"}, {"seed", 1}}).problems;
  ASSERT_EQ(seed.size(), 1);
  EXPECT_EQ(seed[0].hint, "belongs to mosaic with source drawn");
}

}  // namespace
}  // namespace trainer
