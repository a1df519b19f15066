/// Configs that nobody writes, or only to do harm: an error that names the line, and little memory.
#include <functional>

#include <gtest/gtest.h>

#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr long kMostMemoryKb = 2'000'000;  // a sanitizer keeps what is freed
#else
constexpr long kMostMemoryKb = 200'000;
#endif

/// `count` copies of what `part` makes of 0, 1, 2, ...
std::string repeat(int count, const std::function<std::string(int)>& part) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += part(i);
  return text;
}

std::string repeat(int count, const std::string& part) {
  return repeat(count, [&part](int) { return part; });
}

/// Each list names the one before ten times: 10^12 values in 12 lines.
std::string alias_bomb() {
  return "trial:\n  a0: &a0 [x]\n" + repeat(12, [](int i) {
           const auto number = std::to_string(i + 1);
           return "  a" + number + ": &a" + number + " [" +
                  repeat(10, "*a" + std::to_string(i) + ", ") + "]\n";
         });
}

struct BadInput {
  std::string name = {};
  std::function<std::string()> yaml = {};  ///< made when it is needed: a child's peak counts ours
  std::string error = {};                  ///< %s stands for the file
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for
void PrintTo(const BadInput& input, std::ostream* out) {
  *out << input.name;
}

std::vector<BadInput> bad_inputs() {
  const auto key = [](int i) { return "  key" + std::to_string(i) + ": 1\n"; };
  const auto name = [](int i) { return "n" + std::to_string(i) + ", "; };
  const auto anchor = [](int i) { return "&a" + std::to_string(i) + " x, "; };
  return {
      {"AliasBomb", alias_bomb, "more than 100,000 values in %s (line 7)"},
      {"AliasInItsAnchor", [=] { return std::string("trial: {b: 1}\ngrid: &g {a: [*g]}\n"); },
       "own anchor in %s (line 2)"},
      {"UnknownAlias", [=] { return std::string("trial: {b: 1}\ngrid: *g\n"); }, "not valid YAML"},
      {"DeepLists", [=] { return "\ntrial: " + repeat(200'000, "["); },
       "too deeply in %s (line 2)"},
      {"ManyBrackets", [=] { return "\ntrial: " + repeat(1'000'000, "["); },
       "more than 300,000 brackets and commas in %s (line 2)"},
      {"ManyCommas", [=] { return "\ngrid: {a: [" + repeat(290'000, ","); }, "not valid YAML"},
      {"DeepMaps", [=] { return "\ntrial: " + repeat(200'000, "{a: "); },
       "too deeply in %s (line 2)"},
      {"DeepBlocks", [=] { return "trial:\n  " + repeat(100'000, "- "); },
       "too deeply in %s (line 2)"},
      {"DeepKeys", [=] { return "trial:\n  " + repeat(100'000, "? "); },
       "too deeply in %s (line 2)"},
      {"ManyValues", [=] { return "trial: {b: 1}\ngrid: {a: [" + repeat(200'000, "1, "); },
       "more than 100,000 values in %s (line 2)"},
      {"ManyAnchors",
       [=] { return "trial: {b: 1}\ngrid: {a: [" + repeat(99'000, anchor) + "1..0]}"; },
       "range 1..0 of axis 'a' is empty in %s (line 2)"},
      {"ManyKeys", [=] { return "trial:\n" + repeat(100'000, key); },
       "more than 1000 keys in %s (line 1002)"},
      {"DuplicateKeys", [=] { return "trial:\n" + repeat(100'000, "  a: 1\n"); },
       "'a' stands here a second time in %s (line 3), the first is in line 2"},
      {"HugeRange", [=] { return std::string("trial: {b: 1}\ngrid: {seed: 0..1000000000000}\n"); },
       "range 0..1000000000000 of axis 'seed' is too long in %s (line 2)"},
      {"WidestRange",
       [=] { return std::string("\ngrid: {seed: -9223372036854775808..9223372036854775807}\n"); },
       "is too long in %s (line 2)"},
      {"HugeProduct",
       [=] { return std::string("grid:\n  seed: 0..9999999\n  learning_rate: 1..9999999\n"); },
       "'learning_rate' makes more than 10 million trials in %s (line 3)"},
      {"ProductOfManyAxes",
       [=] {
         return "grid:\n" +
                repeat(900, [](int i) { return "  a" + std::to_string(i) + ": 0..9\n"; });
       },
       "'a6' makes more than a million settings in %s (line 8)"},
      {"ManyUnknownDataSets",
       [=] {
         return "datasets: {digits: {a: 1}}\ngrid: {dataset: [" + repeat(90'000, name) + "]}";
       },
       "there is no data set 'n0' in %s (line 2)"},
      {"ManyUnknownReplicates",
       [=] { return "grid: {a: 1}\nreplicate: [" + repeat(90'000, name) + "]"; },
       "replicate names 'n0', which is no axis in %s (line 2)"},
      {"NotUtf8", [=] { return std::string("trial: {b: 1}\nname: \xff\xfe\n"); },
       "not UTF-8 text in %s (line 2)"},
      {"NulByte", [=] { return std::string("trial: {b: 1}\nname: \0\n", 22); },
       "a NUL byte in %s (line 2)"},
      {"LongName", [=] { return "\nname: /" + std::string(4'000'000, 'x') + "\n"; },
       "want a name without slashes"},
      {"LongComment", [=] { return "#" + repeat(2'000'000, " x") + "\nname: /\n"; },
       "name is '/' in %s (line 2)"},
      {"LongText", [=] { return std::string(5 << 20, '#'); }, "larger than 4 MB in %s"},
      {"ManyDocuments", [=] { return "name: /\n" + repeat(1'000'000, "---\n"); },
       "name is '/' in %s (line 1)"},
      {"Nothing", [=] { return std::string(""); }, "the config is empty in %s (line 1)"},
      {"OnlyText", [=] { return std::string("a config\n"); }, "the config is text in %s (line 1)"}};
}

class BadInputTest : public testing::TestWithParam<BadInput> {};

TEST_P(BadInputTest, IsAnErrorThatNamesTheLine) {
  const SweepFolder sweep(GetParam().yaml());

  const auto ended = run({MPISWEEP, "plan", sweep.config(), "--output", sweep.output()});

  auto error = GetParam().error;
  if (const auto file = error.find("%s"); file != error.npos)
    error.replace(file, 2, sweep.config());
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_NE(ended.err.find(error), std::string::npos) << ended.err.substr(0, 1000);
  EXPECT_LT(ended.err.size(), 100'000U);
  EXPECT_LT(ended.peak_kb, kMostMemoryKb);
}

INSTANTIATE_TEST_SUITE_P(Plan, BadInputTest, testing::ValuesIn(bad_inputs()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace end_to_end
