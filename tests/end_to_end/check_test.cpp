/// `mpisweep check` and its repair, on folders that real runs have left.
#include <fstream>
#include <regex>

#include <gtest/gtest.h>

#include "results/journal.hpp"
#include "tests/end_to_end/scripted_sweep.hpp"
#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

namespace fs = std::filesystem;

class Check : public testing::Test {
 protected:
  Ended check(const std::vector<std::string>& more = {},
              const std::vector<std::string>& prefix = {}) const {
    auto command = prefix;
    command.insert(command.end(), {MPISWEEP, "check", out_.string()});
    command.insert(command.end(), more.begin(), more.end());
    return run(command);
  }

  void run_sweep() const {
    const auto ended = run(sweep_.run_command({"--ranks", "2"}));
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
  }

  std::string journal() const { return read_bytes(out_ / "journal"); }

  /// Spoils the records that hold some trials; returns how many.
  std::size_t spoil_trials() const {
    auto bytes = journal();
    std::size_t count = 0;
    for (auto at = bytes.find("\"score\":2."); at != std::string::npos;
         at = bytes.find("\"score\":2.", at + 1)) {
      bytes[at + 2] = 'X';
      ++count;
    }
    write_bytes(out_ / "journal", bytes);
    return count;
  }

  SweepFolder sweep_{scripted()};
  fs::path out_ = sweep_.output();
};

TEST_F(Check, CallsTheFolderOfAGoodRunSound) {
  run_sweep();

  const auto ended = check();

  EXPECT_EQ(ended.exit_code, 0) << ended.out;
  // A plan, a session, as many packs as it was cut into, the trials, the end of the run.
  EXPECT_TRUE(std::regex_search(ended.out, std::regex("sound, 3[0-9] records of 24 trials")))
      << ended.out;
}

TEST_F(Check, FindsDamageThatRepairAndTheNextRunMakeGood) {
  run_sweep();
  const auto undisturbed = sweep_.data();
  const auto num_spoilt = spoil_trials();
  ASSERT_EQ(num_spoilt, 4U);  // seed 2, two widths, two rates

  const auto found = check();
  const auto repaired = check({"--repair"});
  const auto again = run(sweep_.run_command({"--ranks", "2"}));

  EXPECT_EQ(found.exit_code, 1);
  EXPECT_TRUE(contains(found.out, "the payload's checksum does not match")) << found.out;
  EXPECT_EQ(repaired.exit_code, 0) << repaired.out;
  EXPECT_TRUE(contains(repaired.out, "the damaged one is kept as journal.damaged-1"));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_TRUE(contains(again.err, "20 finished, 4 to do")) << again.err;
  EXPECT_EQ(sweep_.num_recorded(), 24U);
  EXPECT_EQ(sweep_.data(), undisturbed);
  EXPECT_EQ(check().exit_code, 0);
}

TEST_F(Check, LosesNoTrialWhenThePlanIsLost) {
  run_sweep();
  const auto undisturbed = sweep_.data();
  auto bytes = journal();
  bytes[bytes.find("\"config_text\"") + 1] = 'X';
  write_bytes(out_ / "journal", bytes);

  const auto repaired = check({"--repair"});
  const auto again = run(sweep_.run_command({"--ranks", "2"}));

  EXPECT_EQ(repaired.exit_code, 1);
  EXPECT_TRUE(contains(repaired.out, "has lost its plan; its 24 trials are there"));
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_TRUE(contains(again.err, "nothing to do")) << again.err;
  EXPECT_EQ(sweep_.num_recorded(), 24U);
  EXPECT_EQ(sweep_.data(), undisturbed);
  EXPECT_EQ(check().exit_code, 0);
}

TEST_F(Check, AnswersScriptsInJson) {
  run_sweep();
  spoil_trials();

  const auto answer = nlohmann::json::parse(check({"--json"}).out);

  EXPECT_EQ(answer["sound"], false);
  EXPECT_EQ(answer["trials"], 20);
  ASSERT_FALSE(answer["damages"].empty());
  EXPECT_GT(answer["damages"][0]["size_bytes"], 0);
  EXPECT_EQ(journal().find("\x89msw", answer["damages"][0]["offset"].get<std::size_t>()),
            answer["damages"][0]["offset"]);
}

TEST_F(Check, FindsWhatAKilledRunLeavesAndSeesTheNextRunMakeItGood) {
  const SweepFolder slow(scripted("{sleep_ms: 100}"));
  {
    const Program victim(slow.run_command({"--ranks", "2"}));
    ASSERT_TRUE(wait_until(
        [&] { return fs::exists(slow.output() + "/status.json") && slow.num_recorded() > 0; }));
    victim.kill_all();
  }

  const auto found = run({MPISWEEP, "check", slow.output()});
  ASSERT_EQ(run(slow.run_command({"--ranks", "2"})).exit_code, 0);

  EXPECT_EQ(found.exit_code, 1);
  EXPECT_TRUE(contains(found.out, "lock was left by a run that died (process ")) << found.out;
  EXPECT_TRUE(contains(found.out, "results.h5 is missing")) << found.out;
  const auto ended = run({MPISWEEP, "check", slow.output()});
  EXPECT_EQ(ended.exit_code, 0) << ended.out;
}

TEST_F(Check, LooksWhileARunHoldsTheFolderButDoesNotRepair) {
  const SweepFolder slow(scripted("{sleep_ms: 1500}"));
  const Program holder(slow.run_command({"--ranks", "1"}));
  ASSERT_TRUE(wait_until(
      [&] { return fs::exists(slow.output() + "/status.json") && slow.num_recorded() > 0; }));

  const auto looked = run({MPISWEEP, "check", slow.output()});
  const auto refused = run({MPISWEEP, "check", slow.output(), "--repair"});

  EXPECT_EQ(looked.exit_code, 0) << looked.out;
  EXPECT_TRUE(contains(looked.out, "in use (process ")) << looked.out;
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_TRUE(contains(refused.err, "is in use (process ")) << refused.err;
}

TEST_F(Check, TouchesNoFolderThatIsNotOurs) {
  fs::create_directory(out_);

  EXPECT_EQ(check({"--repair"}).exit_code, 1);
  EXPECT_TRUE(fs::is_empty(out_));
}

TEST_F(Check, SurvivesBeingKilledBeforeAnyOfItsSteps) {
  run_sweep();
  spoil_trials();
  const fs::path damaged = sweep_.output("damaged");
  fs::rename(out_, damaged);
  std::ofstream(damaged / "status.json") << "{";
  std::ofstream(damaged / "config.yaml") << "";
  const auto is_killed_at = [&](int step) {
    fs::remove_all(out_);
    fs::copy(damaged, out_);
    return check({"--repair"}, {"env", "LD_PRELOAD=" FAILING_CALLS, "FAIL_PATH=" + out_.string(),
                                "KILL_AT=" + std::to_string(step)})
               .exit_code == 128 + SIGKILL;
  };

  int step = 1;
  for (; is_killed_at(step); ++step) {
    SCOPED_TRACE("killed before step " + std::to_string(step));
    EXPECT_EQ(sweep_.num_recorded(), 20U);

    const auto repaired = check({"--repair"});

    EXPECT_EQ(repaired.exit_code, 0) << repaired.out;
    EXPECT_EQ(sweep_.num_recorded(), 20U);
    EXPECT_EQ(read_bytes(out_ / "journal.damaged-1"), read_bytes(damaged / "journal"));
    EXPECT_FALSE(fs::exists(out_ / "journal.damaged-2"));
  }
  EXPECT_GT(step, 20) << "each record is a step";
}

TEST_F(Check, RepairsOnAFileSystemWithoutHardLinks) {
  run_sweep();
  spoil_trials();
  const auto damaged = journal();

  const auto repaired =
      check({"--repair"}, {"env", "LD_PRELOAD=" FAILING_CALLS, "FAIL_PATH=" + out_.string(),
                           "FAIL_CALL=link", "FAIL_ERROR=" + std::to_string(EPERM)});

  EXPECT_EQ(repaired.exit_code, 0) << repaired.out << repaired.err;
  EXPECT_EQ(read_bytes(out_ / "journal.damaged-1"), damaged);
}

TEST_F(Check, LeavesTheJournalAloneWhenThereIsNoRoomForAnother) {
  run_sweep();
  spoil_trials();
  const auto damaged = journal();

  const auto ended =
      check({"--repair"}, {"env", "LD_PRELOAD=" FAILING_CALLS, "FAIL_PATH=/journal.new",
                           "FAIL_CALL=write", "FAIL_ERROR=" + std::to_string(ENOSPC)});

  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_TRUE(contains(ended.err, "No space left on device), free space")) << ended.err;
  EXPECT_EQ(journal(), damaged);
  EXPECT_FALSE(fs::exists(out_ / "journal.new"));
}

}  // namespace
}  // namespace end_to_end
