/// Many trials that train nothing, with the real trainer. `./dev bench scale` measures a million.
#include <filesystem>

#include <gtest/gtest.h>

#include "results/sweep_results.hpp"
#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

constexpr std::size_t kNumSeeds = 10'000;
constexpr std::size_t kNumTrials = 2 * kNumSeeds;
constexpr const char* kConfig =
    "name: many\n"
    "trial: {study: noop}\n"
    "grid: {learning_rate: [0.5, 2], seed: 0..9999}\n";

/// Counts the trials whose end says something else than seed times learning rate.
std::size_t count_wrong(const results::SweepResults& sweep) {
  const auto* value = sweep.find_column("value");
  std::size_t num_wrong = 0;
  for (std::size_t i = 0; i < sweep.plan.ids.size(); ++i) {
    const auto* end = sweep.find(sweep.plan.ids[i]);
    const auto seed = static_cast<double>(i % kNumSeeds);
    const double expected = i < kNumSeeds ? seed / 2 : seed * 2;
    const bool is_right = end != nullptr && end->status == protocol::Outcome::finished &&
                          end->attempts == 1 && value->number(end->row) == expected;
    if (!is_right) ++num_wrong;
  }
  return num_wrong;
}

TEST(Scale, TrainsTwentyThousandTrialsOnceEachWithTheirOwnValues) {
  const SweepFolder sweep(kConfig);

  const auto ended = run(sweep.mpirun_command(2));

  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), kNumTrials);
  const auto results = results::load_results(sweep.output());
  ASSERT_EQ(results.plan.ids.size(), kNumTrials);
  EXPECT_EQ(count_wrong(results), 0U);
}

TEST(Scale, ContinuesAKilledSweepWithWhatIsMissing) {
  const SweepFolder sweep(kConfig);
  {
    const Program victim(sweep.mpirun_command(2));
    ASSERT_TRUE(wait_until([&] { return sweep.num_recorded() > 0; }));
    victim.kill_all();
  }

  const auto ended = run(sweep.mpirun_command(2));

  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), kNumTrials);
  EXPECT_EQ(count_wrong(results::load_results(sweep.output())), 0U);
}

}  // namespace
}  // namespace end_to_end
