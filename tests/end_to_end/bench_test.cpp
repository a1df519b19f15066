/// `mpisweep bench`, as short as it can be.
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/program.hpp"

namespace end_to_end {
namespace {

using nlohmann::json;

Ended bench(const std::vector<std::string>& options) {
  std::vector<std::string> command = {MPISWEEP, "bench", "--device", "cpu", "--epochs", "1"};
  command.insert(command.end(), options.begin(), options.end());
  return run(command);
}

TEST(Bench, ReportsARateForEveryWidthOfEveryLoss) {
  const auto ended = bench({"--json"});

  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  std::map<std::string, std::set<int>> widths;
  std::map<std::string, int> num_chosen;
  const auto told = json::parse(ended.out);
  for (const auto& rate : told.at("rates")) {
    EXPECT_GT(rate.at("trial_steps_per_s").get<double>(), 0) << rate;
    widths[rate.at("loss")].insert(rate.at("width").get<int>());
    num_chosen[rate.at("loss")] += rate.at("is_chosen").get<bool>() ? 1 : 0;
  }
  for (const auto* loss : {"soft", "hard", "lvml"}) {
    for (const int width : {1, 2, 4, 8})
      EXPECT_TRUE(widths[loss].contains(width)) << loss << ' ' << width;
    EXPECT_EQ(num_chosen[loss], 1) << loss;
  }
}

TEST(Bench, FindsTheSameResultsAtEveryWidth) {
  const auto ended = bench({"--json", "--ranks", "2"});

  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const auto told = json::parse(ended.out);
  EXPECT_EQ(told.at("ranks"), 2);
  EXPECT_EQ(told.at("precision"), "float32");
  EXPECT_EQ(told.at("largest_difference"), 0);
}

TEST(Bench, MeasuresTheModelsInOtherPrecisionsToo) {
  const auto ended = bench({"--json", "--precision", "tf32"});

  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(json::parse(ended.out).at("precision"), "tf32");
}

TEST(Bench, RefusesWhatItCannotMeasure) {
  EXPECT_EQ(run({MPISWEEP, "bench", "--epochs", "0"}).exit_code, 2);
  EXPECT_EQ(run({MPISWEEP, "bench", "--ranks", "0"}).exit_code, 2);
  EXPECT_EQ(run({MPISWEEP, "bench", "--precision", "float16"}).exit_code, 2);
}

}  // namespace
}  // namespace end_to_end
