/// Kills processes of a sweep at random, again and again, and compares with an undisturbed run.
///   MPISWEEP_TORTURE_KILLS: how many (default 50); MPISWEEP_TORTURE_SEED: which (default 1)
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

/// A real sweep of a few seconds: 24 trials, two kinds of packs, saved all the time. Nothing is
/// given up, however often its processes are killed.
const char* const kConfig =
    "trial:\n"
    "  study: focus_classification\n"
    "  model: linear\n"
    "  epochs: 40\n"
    "  batch_size: 50\n"
    "  dataset: {kind: linear_orthogonal, segments: 10, classes: 10, size: 500}\n"
    "grid: {loss: [soft, lvml], seed: 0..5, learning_rate: [0.1, 0.3]}\n"
    "run: {checkpoint_every: 0.05, pack_width: 4, retries: 1000, restarts: 1000,\n"
    "      restart_pause: 0.05}\n";
constexpr std::size_t kNumTrials = 24;

int number_from(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

/// A run that is disturbed until it has had enough kills, round after round.
class Torture {
 public:
  Torture(const SweepFolder& sweep, unsigned seed) : sweep_(sweep), random_(seed) {}

  /// Kills something once. Starts what has ended: the same command, or a new folder where a sweep
  /// is complete.
  void kill_something() {
    if (!program_ || has_ended()) start();
    std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 2'500));
    const auto victims = find_victims();
    if (victims.empty()) return;
    const auto kind = random_() % 10;
    if (kind == 0) {
      program_->kill_all();
    } else {
      kill(victims[random_() % victims.size()], SIGKILL);
    }
    ++num_kills_;
  }

  /// Lets the last round end in peace.
  void finish() {
    program_.reset();
    const auto ended = run(command());
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    compare();
  }

  int num_kills() const { return num_kills_; }
  int num_rounds() const { return round_; }

 private:
  std::string folder() const { return "round" + std::to_string(round_); }
  std::vector<std::string> command() const {
    return sweep_.run_command({"--ranks", "2"}, folder());
  }

  bool has_ended() const { return kill(program_->process(), 0) != 0 || is_zombie(); }

  bool is_zombie() const {
    const auto stat = read_bytes("/proc/" + std::to_string(program_->process()) + "/stat");
    return stat.find(") Z") != std::string::npos;
  }

  bool is_complete() const {
    return std::filesystem::exists(sweep_.output(folder()) + "/journal") &&
           sweep_.num_recorded(folder()) >= kNumTrials;
  }

  void start() {
    program_.reset();
    if (is_complete()) {
      finish();
      std::filesystem::remove_all(sweep_.output(folder()));
      ++round_;
    }
    program_.emplace(command());
  }

  /// The supervisor, mpirun, the ranks, their trainers.
  std::vector<pid_t> find_victims() const {
    auto victims = descendants_of(program_->process());
    victims.push_back(program_->process());
    std::ranges::sort(victims);
    return victims;
  }

  void compare() const {
    EXPECT_EQ(sweep_.data(folder()), sweep_.data("undisturbed")) << folder();
    EXPECT_EQ(sweep_.num_recorded(folder()), kNumTrials) << "nothing is lost or trained twice";
    for (const auto& file : std::filesystem::directory_iterator(sweep_.output(folder()))) {
      EXPECT_FALSE(file.path().filename().string().starts_with("checkpoint-")) << file.path();
    }
  }

  const SweepFolder& sweep_;
  std::mt19937 random_;
  std::optional<Program> program_;
  int num_kills_ = 0;
  int round_ = 0;
};

TEST(Torture, GivesTheValuesOfAnUndisturbedRunWhateverIsKilled) {
  const int num_kills = number_from("MPISWEEP_TORTURE_KILLS", 50);
  const int seed = number_from("MPISWEEP_TORTURE_SEED", 1);
  const SweepFolder sweep(kConfig);
  ASSERT_EQ(run(sweep.run_command({"--ranks", "2"}, "undisturbed")).exit_code, 0);
  Torture torture(sweep, static_cast<unsigned>(seed));

  while (torture.num_kills() < num_kills && !testing::Test::HasFailure())
    torture.kill_something();
  torture.finish();

  std::cout << torture.num_kills() << " kills in " << torture.num_rounds() + 1 << " sweeps, seed "
            << seed << std::endl;
}

}  // namespace
}  // namespace end_to_end
