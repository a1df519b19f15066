/// `mpisweep run` with the real trainer: the shipped configs, made short.
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>

#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

std::string shipped_config(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(std::string(CONFIGS) + "/" + name).rdbuf();
  return text.str();
}

/// The quickstart with fewer epochs and seeds: 12 trials.
const std::vector<std::string> kShort = {"--set",     "epochs=4", "--set",
                                         "seed=0..1", "--set",    "learning_rate=[0.1, 0.2]"};

std::vector<std::string> with(std::vector<std::string> command,
                              const std::vector<std::string>& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

TEST(Training, GivesTheSameBitsForOneTwoAndFourRanks) {
  const SweepFolder sweep(shipped_config("quickstart.yaml"));

  for (const int ranks : {1, 2, 4}) {
    const auto ended = run(with(sweep.mpirun_command(ranks, std::to_string(ranks)), kShort));
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
  }

  EXPECT_EQ(sweep.data("1").size(), 12U);
  EXPECT_EQ(sweep.data("2"), sweep.data("1"));
  EXPECT_EQ(sweep.data("4"), sweep.data("1"));
}

// Sizes at which a matrix product of one trial once took another path than that of several.
TEST(Training, GivesTheSameBitsAloneAndInAPackAtOddSizes) {
  const SweepFolder sweep(R"(
trial:
  study: focus_classification
  dataset: {kind: linear_orthogonal, segments: 6, classes: 9, size: 300, seed: 3}
  model: linear
  loss: hard
  batch_size: 64
  rules: all
  epochs: 20
grid:
  seed: 0..19
  learning_rate: [0.1, 0.03]
)");

  for (const int width : {1, 10}) {
    const auto setting = "run.pack_width=" + std::to_string(width);
    const auto ended =
        run(sweep.run_command({"--ranks", "1", "--set", setting}, std::to_string(width)));
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
  }

  EXPECT_EQ(sweep.data("1").size(), 40U);
  EXPECT_EQ(sweep.data("10"), sweep.data("1"));
}

TEST(Training, GivesTheSameBitsForAnyPackWidth) {
  const SweepFolder sweep(shipped_config("quickstart.yaml"));

  for (const int width : {1, 3, 8}) {
    const auto setting = "run.pack_width=" + std::to_string(width);
    const auto ended = run(
        with(sweep.run_command({"--ranks", "1", "--set", setting}, std::to_string(width)), kShort));
    ASSERT_EQ(ended.exit_code, 0) << ended.err;
  }

  EXPECT_EQ(sweep.data("3"), sweep.data("1"));
  EXPECT_EQ(sweep.data("8"), sweep.data("1"));
}

TEST(Training, GivesTheSameBitsAfterKillsAsUndisturbed) {
  const SweepFolder sweep(shipped_config("quickstart.yaml"));
  ASSERT_EQ(run(with(sweep.run_command({"--ranks", "2"}, "undisturbed"), kShort)).exit_code, 0);
  std::mt19937 random(1);

  for (int kills = 0; kills < 5; ++kills) {
    const Program victim(with(sweep.run_command({"--ranks", "2"}), kShort));
    std::this_thread::sleep_for(std::chrono::milliseconds(500 + random() % 1000));
    victim.kill_all();
  }
  const auto ended = run(with(sweep.run_command({"--ranks", "1"}), kShort));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.data(), sweep.data("undisturbed"));
  EXPECT_EQ(sweep.num_recorded(), 12U);
}

TEST(Training, KeepsAHeatMapOfEveryTrialUnderEachRule) {
  const SweepFolder sweep(shipped_config("quickstart.yaml"));

  ASSERT_EQ(run(with(sweep.run_command({"--ranks", "2"}), kShort)).exit_code, 0);

  for (const auto& trial : sweep.data()) {
    for (const std::string rule : {"argmax", "mixture", "blend"}) {
      const auto& map = trial["values"]["final_train_focus_heatmap_" + rule];
      ASSERT_EQ(map.size(), 5U);
      double sum = 0;
      for (const auto& row : map)
        for (const auto& fraction : row)
          sum += fraction.get<double>();
      EXPECT_NEAR(sum, 1, 1e-9);
    }
  }
}

TEST(Training, RecordsADivergedTrialAndKeepsItsPackMates) {
  const SweepFolder sweep(shipped_config("quickstart.yaml"));
  const std::vector<std::string> one_loss = {"--ranks", "1",        "--set", "epochs=4",
                                             "--set",   "seed=[0]", "--set", "loss=[soft]"};
  const auto alone = with(one_loss, {"--set", "learning_rate=[0.1]"});
  const auto mixed = with(one_loss, {"--set", "learning_rate=[0.1, 3e38]"});
  ASSERT_EQ(run(sweep.run_command(alone, "alone")).exit_code, 0);

  const auto ended = run(sweep.run_command(mixed, "mixed"));

  EXPECT_EQ(ended.exit_code, 0) << "a diverged trial is a result";
  const auto trials = sweep.data("mixed");
  ASSERT_EQ(trials.size(), 2U);
  EXPECT_EQ(trials[0]["values"], sweep.data("alone")[0]["values"]);
  EXPECT_EQ(trials[1]["status"], "diverged");
  EXPECT_NE(trials[1]["error"].get<std::string>().find("epoch"), std::string::npos);
}

TEST(Training, ReportsAllProblemsOfAConfigWithTheirLines) {
  const SweepFolder sweep(
      "trial:\n"
      "  study: focus_classification\n"
      "  epoch: 3\n"
      "  dataset: {kind: linear_orthogonal, segments: 1}\n"
      "grid:\n"
      "  loss: [soft, sotf]\n"
      "  learning_rate: [0.1, -1]\n");

  const auto ended = run(sweep.run_command());

  EXPECT_EQ(ended.exit_code, 2);
  for (const char* line : {"(line 3)", "(line 4)", "(line 6)", "(line 7)", "did you mean 'soft'?",
                           "did you mean 'epochs'?", "4 problems, nothing was started"}) {
    EXPECT_NE(ended.err.find(line), std::string::npos) << line << " is not in\n" << ended.err;
  }
}

TEST(Training, NamesMissingDataAndWhereItComesFrom) {
  const std::map<std::string, std::string> data = {{"mnist_mosaics.yaml", "mnist"},
                                                   {"hatexplain_simple.yaml", "hatexplain"},
                                                   {"hatexplain_transformer.yaml", "hatexplain"},
                                                   {"hatexplain_hybrid.yaml", "hatexplain"}};
  for (const auto& [config, name] : data) {
    const SweepFolder sweep(shipped_config(config));
    setenv("MPISWEEP_DATA", "/nowhere", 1);

    const auto ended = run(sweep.run_command());

    unsetenv("MPISWEEP_DATA");
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_NE(ended.err.find("/nowhere/" + name), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("./dev data " + name), std::string::npos) << ended.err;
  }
}

// Of three classes and posts of twelve tokens with two marked ones, chance is right a third of the
// time and looks at a marked one a sixth.
TEST(Studies, ShowWhatASettingMayBeBesideItsDefaultInColumns) {
  const auto ended = run({MPISWEEP, "studies", "focus_classification"});

  std::istringstream lines(ended.out);
  std::map<std::string, std::string> by_name;
  std::size_t column = 0;  // of the defaults
  for (std::string line; std::getline(lines, line) && line != "  variables";) {
    if (!line.starts_with("    ")) continue;
    const auto end = line.find("  ", 4);
    by_name[line.substr(4, end - 4)] = line;
    const auto begin = line.find_first_not_of(' ', end);
    EXPECT_TRUE(column == 0 || column == begin) << line;
    column = begin;
  }
  EXPECT_NE(by_name["focus"].find("; joint | 0 to 1"), std::string::npos) << by_name["focus"];
  EXPECT_NE(by_name["order"].find("; shared | shuffled"), std::string::npos);
}

TEST(Training, LearnsToReadPostsByAShippedConfig) {
  const SweepFolder sweep(shipped_config("hatexplain_simple_small.yaml"));

  const auto ended = run(sweep.run_command({"--ranks", "2", "--set", "seed=[12]"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  const auto trials = sweep.data();
  ASSERT_EQ(trials.size(), 4U);  // the losses
  for (const auto& trial : trials) {
    EXPECT_EQ(trial["status"], "finished");
    EXPECT_GT(trial["values"]["final_test_accuracy"], 0.6);
    EXPECT_GT(trial["values"]["final_test_focus_score"], 0.4);
  }
}

TEST(Training, SwitchesLossesByAShippedConfigOfTheHybrid) {
  const SweepFolder sweep(shipped_config("hatexplain_hybrid_small.yaml"));

  const auto ended = run(sweep.run_command(
      {"--ranks", "2", "--set", "seed=[12]", "--set", "trial.dataset.train_size=100"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  const auto trials = sweep.data();
  ASSERT_EQ(trials.size(), 2U);
  EXPECT_EQ(trials[0]["values"]["switch_epoch"], nlohmann::json({15}));
  EXPECT_EQ(trials[0]["values"]["test_accuracy"].size(), 21U);
}

TEST(Trainer, AnswersAPackRequestFromStandardInput) {
  const auto ended = run({"bash", "-c",
                          R"(echo '{"type":"hello","version":1,"device":"cpu","threads":1}
{"type":"pack","pack":1,"attempt":1,"settings":{"study":"focus_classification","loss":"hard","epochs":2,"model":"linear","dataset":{"kind":"linear_orthogonal","size":500}},"trials":[{"id":"0000000000000001","seed":0,"learning_rate":0.1}]}' | )" MPISWEEP_TRAINER_PROGRAM});

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_NE(ended.out.find(R"("status":"finished")"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find(R"("type":"done")"), std::string::npos) << ended.out;
}

}  // namespace
}  // namespace end_to_end
