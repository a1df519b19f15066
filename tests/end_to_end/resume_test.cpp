/// Packs that go on from their saved state, with the real trainer.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "results/journal.hpp"
#include "results/records.hpp"
#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

/// 12 trials in packs that take a second or two each, saved all the time.
const char* const kConfig =
    "trial:\n"
    "  study: focus_classification\n"
    "  model: linear\n"
    "  epochs: 100\n"
    "  rules: all\n"
    "  batch_size: 50\n"
    "  dataset: {kind: linear_orthogonal, segments: 10, classes: 10, size: 500}\n"
    "grid: {loss: [soft, lvml], seed: 0..2, learning_rate: [0.1, 0.3]}\n"
    "run: {checkpoint_every: 0.05, pack_width: 6}\n";

std::set<std::string> checkpoints_in(const std::string& folder) {
  std::set<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    const auto name = file->path().filename().string();
    if (name.starts_with("checkpoint-") && name.find(".new") == std::string::npos) {
      names.insert(name);
    }
  }
  return names;
}

/// The checkpoints of all packs that were lent since the latest session began.
std::set<std::string> lent_in_last_session(const std::string& folder) {
  std::set<std::string> names;
  results::read_journal(folder + "/journal", [&](results::RecordType type, const auto& payload) {
    if (type == results::RecordType::session) names.clear();
    if (type != results::RecordType::pack) return;
    names.insert("checkpoint-" + results::to_hex(results::parse_pack(payload).key));
  });
  return names;
}

bool includes(const std::set<std::string>& all, const std::set<std::string>& some) {
  return std::ranges::includes(all, some);
}

class ResumeTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run(sweep_.run_command({"--ranks", "2"}, "undisturbed")).exit_code, 0);
  }

  bool is_saved() const { return checkpoints_in(sweep_.output()).size() == 2; }

  void expect_same_as_undisturbed() const {
    EXPECT_EQ(sweep_.data(), sweep_.data("undisturbed"));
    EXPECT_EQ(sweep_.num_recorded(), 12U) << "nothing is trained twice";
    EXPECT_TRUE(checkpoints_in(sweep_.output()).empty());
  }

  SweepFolder sweep_{kConfig};
};

TEST_F(ResumeTest, GoesOnBitForBitAfterAStopWithAnotherNumberOfRanks) {
  for (const char* ranks : {"1", "3"}) {
    std::filesystem::remove_all(sweep_.output());
    Program first(sweep_.run_command({"--ranks", "2"}));
    ASSERT_TRUE(wait_until([&] { return is_saved(); }));

    first.signal(SIGINT);
    const auto stopped = first.wait();
    const auto saved = checkpoints_in(sweep_.output());

    EXPECT_EQ(stopped.exit_code, 130);
    EXPECT_NE(stopped.err.find("2 packs saved"), std::string::npos) << stopped.err;
    EXPECT_EQ(saved.size(), 2U);
    const auto ended = run(sweep_.run_command({"--ranks", ranks}));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_TRUE(includes(lent_in_last_session(sweep_.output()), saved))
        << "packs keep their trials";
    expect_same_as_undisturbed();
  }
}

TEST_F(ResumeTest, GoesOnBitForBitWhenEverythingWasKilled) {
  std::set<std::string> saved;
  {
    const Program first(sweep_.run_command({"--ranks", "2"}));
    ASSERT_TRUE(wait_until([&] { return is_saved(); }));
    first.kill_all();
    saved = checkpoints_in(sweep_.output());
  }

  const auto ended = run(sweep_.run_command({"--ranks", "2"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(includes(lent_in_last_session(sweep_.output()), saved));
  expect_same_as_undisturbed();
}

TEST_F(ResumeTest, GoesOnBitForBitWhenATrainerIsKilled) {
  Program program(sweep_.run_command({"--ranks", "2"}));
  ASSERT_TRUE(wait_until([&] { return is_saved(); }));

  kill(find_descendant(program.process(), "mpisweep-trainer"), SIGKILL);
  const auto ended = program.wait();

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  expect_same_as_undisturbed();
}

// Rank and trainer are killed before, or for a write in, a file call of each kind: of the lock, the
// journal, config.yaml, status.json, results.h5 and the checkpoints.
TEST(Resume, GoesOnBitForBitWhenItWasKilledAtAnyOfItsFileCalls) {
  SweepFolder sweep(
      "trial: {study: focus_classification, model: linear, epochs: 30, batch_size: 50, loss: "
      "soft,\n"
      "        dataset: {kind: linear_orthogonal, segments: 10, classes: 10, size: 500}}\n"
      "grid: {seed: 0..3, learning_rate: [0.3]}\n"
      "run: {checkpoint_every: 0.02, pack_width: 2, retries: 0}\n");
  ASSERT_EQ(run(sweep.run_command({"--ranks", "1"}, "undisturbed")).exit_code, 0);

  for (const int step : {1, 2, 3, 4, 6, 8, 10, 13, 17, 22}) {
    SCOPED_TRACE("killed at call " + std::to_string(step));
    const auto name = "killed_at_" + std::to_string(step);
    auto command = sweep.mpirun_command(1, name);
    command.insert(command.begin(),
                   {"env", "LD_PRELOAD=" FAILING_CALLS, "FAIL_PATH=" + sweep.output(name),
                    "KILL_AT=" + std::to_string(step)});
    EXPECT_NE(run(command).exit_code, 0);

    const auto ended = run(sweep.run_command({"--ranks", "1"}, name));

    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(sweep.data(name), sweep.data("undisturbed"));
    EXPECT_EQ(run({MPISWEEP, "check", sweep.output(name)}).exit_code, 0);
  }
}

TEST_F(ResumeTest, StartsAPackAnewWhoseStateIsDamaged) {
  {
    const Program first(sweep_.run_command({"--ranks", "2"}));
    ASSERT_TRUE(wait_until([&] { return is_saved(); }));
    first.kill_all();
  }
  for (const auto& name : checkpoints_in(sweep_.output())) {
    const auto path = sweep_.output() + "/" + name;
    std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  }

  const auto ended = run(sweep_.run_command({"--ranks", "2"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  expect_same_as_undisturbed();
}

TEST_F(ResumeTest, KeepsOneFileForEachPackThatIsTraining) {
  Program program(sweep_.run_command({"--ranks", "2"}));
  std::size_t most = 0;

  ASSERT_TRUE(wait_until([&] {
    most = std::max(most, checkpoints_in(sweep_.output()).size());
    return std::filesystem::exists(sweep_.output()) && sweep_.num_recorded() == 12;
  }));

  EXPECT_EQ(program.wait().exit_code, 0);
  EXPECT_EQ(most, 2U);
  expect_same_as_undisturbed();
}

}  // namespace
}  // namespace end_to_end
