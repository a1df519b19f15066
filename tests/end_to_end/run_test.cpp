/// `mpisweep run` as people see it, with a trainer that trains nothing and misbehaves on request.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "results/journal.hpp"
#include "tests/end_to_end/scripted_sweep.hpp"
#include "tests/end_to_end/sweep_folder.hpp"
#include "tests/temporary_folder.hpp"

namespace end_to_end {
namespace {

bool has_status(const SweepFolder& sweep) {
  return std::filesystem::exists(sweep.output() + "/status.json");
}

class RanksTest : public testing::TestWithParam<int> {};

TEST_P(RanksTest, GiveTheSameDataAsOneRank) {
  const SweepFolder sweep(scripted());
  ASSERT_EQ(run(sweep.mpirun_command(1, "one")).exit_code, 0);

  const auto ended = run(sweep.mpirun_command(GetParam(), "many"));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.data("many"), sweep.data("one"));
  EXPECT_EQ(sweep.num_recorded("many"), 24U);
}

INSTANTIATE_TEST_SUITE_P(Run, RanksTest, testing::Values(2, 4));

TEST(Run, StartsItselfUnderMpirunAndShowsATable) {
  const SweepFolder sweep(scripted());

  const auto ended = run(sweep.run_command({"--ranks", "2"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.err, "2 width × 6 seed × 2 learning_rate = 24 trials")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "2 ranks on")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "24 trials finished")) << ended.err;
  EXPECT_TRUE(contains(ended.out, "width  learning_rate  score")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "xarray.open_dataset(")) << ended.out;
}

/// A program beside which lies a trainer that, but for the first, which judges the config, waits
/// until four of them have been started.
std::string make_program_whose_trainers_meet(const TemporaryFolder& folder) {
  std::filesystem::copy_file(MPISWEEP, folder / "mpisweep");
  const auto trainer = folder.write("mpisweep-trainer", R"(#!/bin/bash
cd "${BASH_SOURCE[0]%/*}"
count() { ls started.* | wc -l; }
touch started.$$
if (($(count) > 1)); then
  for i in {1..200}; do (($(count) > 3)) || sleep 0.1; done
  (($(count) > 3)) || exit 1
fi
exec )" SCRIPTED_TRAINER "\n");
  std::filesystem::permissions(trainer, std::filesystem::perms::owner_all);
  return (folder / "mpisweep").string();
}

std::ptrdiff_t count_started(const TemporaryFolder& folder) {
  return std::ranges::count_if(std::filesystem::directory_iterator(folder.path()),
                               [](const auto& entry) { return entry.path().stem() == "started"; });
}

TEST(Run, StartsAllTrainersAtOnceAndNoneTwice) {
  const TemporaryFolder folder;
  const SweepFolder sweep(
      "name: scripted\ngrid: {width: [2, 3], seed: 0..5, learning_rate: [0.25, 0.5]}\n");
  auto command = sweep.run_command({"--ranks", "3"});
  command.front() = make_program_whose_trainers_meet(folder);

  const auto ended = run(command);

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), 24U);
  EXPECT_EQ(count_started(folder), 4);
}

TEST(Run, RecordsItsCommandAsItWasTyped) {
  const SweepFolder sweep(scripted());
  const auto command = sweep.run_command({"--ranks", "1"});
  ASSERT_EQ(run(command).exit_code, 0);

  std::string recorded;
  results::read_journal(sweep.output() + "/journal",
                        [&](results::RecordType type, const std::string& payload) {
                          if (type != results::RecordType::session) return;
                          recorded = nlohmann::json::parse(payload).at("command_line");
                        });

  EXPECT_EQ(recorded,
            fmt::format("mpisweep {}", fmt::join(command.begin() + 1, command.end(), " ")));
}

TEST(Run, ChoosesTheDeviceThatItIsToldToChoose) {
  const SweepFolder sweep(scripted());

  const auto ended = run({MPISWEEP, "run", sweep.config(), "--device", "auto", "--ranks", "1",
                          "--output", sweep.output()});

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
}

TEST(Run, HasNothingToDoTheSecondTime) {
  const SweepFolder sweep(scripted());
  ASSERT_EQ(run(sweep.run_command()).exit_code, 0);

  const auto ended = run(sweep.run_command());

  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_TRUE(contains(ended.err, "nothing to do: 24 of 24 trials are finished")) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), 24U);
}

TEST(Run, RewritesNothingTheSecondTime) {
  const SweepFolder sweep(scripted());
  ASSERT_EQ(run(sweep.run_command()).exit_code, 0);
  const auto times = [&sweep] {
    std::map<std::string, std::filesystem::file_time_type> by_name;
    for (const std::string name : {"journal", "results.h5", "config.yaml", "status.json"})
      by_name[name] = std::filesystem::last_write_time(sweep.output() + "/" + name);
    return by_name;
  };
  const auto before = times();

  ASSERT_EQ(run(sweep.run_command()).exit_code, 0);

  EXPECT_EQ(times(), before);
}

TEST(Run, TrainsOnlyWhatAChangedConfigAdds) {
  const SweepFolder sweep(scripted());
  ASSERT_EQ(run(sweep.run_command({"--set", "seed=0..3"})).exit_code, 0);
  ASSERT_EQ(sweep.num_recorded(), 16U);

  ASSERT_EQ(run(sweep.run_command()).exit_code, 0);

  EXPECT_EQ(sweep.num_recorded(), 24U);
}

TEST(Run, RefusesBadInputBeforeItStarts) {
  const SweepFolder sweep(scripted("{width: 1}"));

  const auto ended = run(sweep.run_command());

  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_TRUE(contains(ended.err, "'width' stands in trial and in grid")) << ended.err;
  EXPECT_FALSE(std::filesystem::exists(sweep.output()));
}

TEST(Run, RefusesUnknownOptions) {
  EXPECT_EQ(run({MPISWEEP, "run", "--colour"}).exit_code, 2);
  EXPECT_EQ(run({MPISWEEP, "dance"}).exit_code, 2);
}

struct Trouble {
  std::string name = {};
  std::string error = {};
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for
void PrintTo(const Trouble& trouble, std::ostream* out) {
  *out << trouble.name;
}

class TroubleTest : public testing::TestWithParam<Trouble> {};

TEST_P(TroubleTest, CostsOnlyTheTrialsItHits) {
  const SweepFolder sweep("name: scripted\ntrainer: [" SCRIPTED_TRAINER
                          "]\ntrial: {trouble_seed: 1, trouble: " +
                          GetParam().name + "}\ngrid: {seed: 0..3}\nrun: {trial_timeout: 2}\n");

  const auto ended = run(sweep.run_command({"--ranks", "1"}));

  EXPECT_EQ(ended.exit_code, 3) << ended.err;
  const auto trials = sweep.data();
  ASSERT_EQ(trials.size(), 4U);
  for (const std::size_t seed : {0U, 2U, 3U})
    EXPECT_EQ(trials[seed]["status"], "finished");
  EXPECT_EQ(trials[1]["status"], "failed");
  EXPECT_TRUE(contains(trials[1]["error"], GetParam().error)) << trials[1]["error"];
  EXPECT_TRUE(contains(ended.err, "seed=1")) << ended.err;
}

INSTANTIATE_TEST_SUITE_P(
    Run, TroubleTest,
    testing::Values(Trouble{"abort", "signal 6"}, Trouble{"segfault", "signal 11"},
                    Trouble{"exit", "exit code 7; it printed last: about to exit"},
                    Trouble{"hang", "said nothing for 2 s"}, Trouble{"garbage", "trainer died"},
                    Trouble{"throw", "no luck"}, Trouble{"no_result", "no result"},
                    Trouble{"exit_0", "exit code 0"}, Trouble{"half_line", "exit code 0"},
                    Trouble{"unknown_message", "unknown message type 'dance'"},
                    Trouble{"pack_exception", "bad seed"}),
    [](const auto& test) { return test.param.name; });

TEST(Run, TriesAPackOnceMoreWithAFreshTrainer) {
  const SweepFolder sweep(scripted("{trouble: segfault, trouble_seed: 2, trouble_attempts: 1}"));

  const auto ended = run(sweep.run_command({"--ranks", "2"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), 24U) << "what was finished before the crash is not trained again";
}

// Two widths times two rates have the bad seed. Every other trial lies ready behind one at times.
TEST(Run, CountsACrashForThePackInTrainingAlone) {
  const SweepFolder sweep(scripted("{trouble: abort, trouble_seed: 2}") +
                          "run: {pack_width: 1, retries: {crash: 0}}\n");

  EXPECT_EQ(run(sweep.run_command({"--ranks", "2"})).exit_code, 3);

  const auto data = sweep.data();
  EXPECT_EQ(std::ranges::count(data, "failed", [](const auto& trial) { return trial["status"]; }),
            4);
  EXPECT_EQ(sweep.num_recorded(), 24U);
}

TEST(Run, TriesCrashedTrialsAgainLaterButNotFailedOnes) {
  const SweepFolder crashed(scripted("{trouble: abort, trouble_seed: 2}"));
  const SweepFolder failed(scripted("{trouble: throw, trouble_seed: 2}"));
  ASSERT_EQ(run(crashed.run_command()).exit_code, 3);
  ASSERT_EQ(run(failed.run_command()).exit_code, 3);
  const auto num_crashed = crashed.num_recorded();
  const auto num_failed = failed.num_recorded();

  EXPECT_EQ(run(crashed.run_command()).exit_code, 3);
  EXPECT_EQ(run(failed.run_command()).exit_code, 3);

  EXPECT_GT(crashed.num_recorded(), num_crashed);
  EXPECT_EQ(failed.num_recorded(), num_failed);
  run(failed.run_command({"--retry-failed"}));
  EXPECT_GT(failed.num_recorded(), num_failed);
}

TEST(Run, HalvesPacksThatNeedTooMuchMemory) {
  const SweepFolder sweep(scripted("{trouble: out_of_memory, memory_width: 1}"));

  const auto ended = run(sweep.run_command({"--ranks", "2"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), 24U);
}

TEST(Run, FailsATrialThatNeedsTooMuchMemoryAlone) {
  const SweepFolder sweep(
      "trainer: [" SCRIPTED_TRAINER
      "]\ntrial: {trouble: out_of_memory, memory_width: 0}\ngrid: {seed: 0..1}\n");

  const auto ended = run(sweep.run_command({"--ranks", "1"}));

  EXPECT_EQ(ended.exit_code, 3) << ended.err;
  EXPECT_EQ(sweep.data()[0]["error"], "too wide");
}

TEST(Run, TriesAgainAsOftenAsTheConfigSays) {
  const SweepFolder sweep(scripted("{trouble: throw, trouble_seed: 2, trouble_attempts: 2}") +
                          "run: {retries: {exception: 2}}\n");

  const auto ended = run(sweep.run_command({"--ranks", "2"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
}

TEST(Run, GivesUpAJobThatDiesAgainAndAgainWithoutProgress) {
  const SweepFolder sweep("trainer: [" SCRIPTED_TRAINER
                          "]\ntrial: {trouble: kill_rank, trouble_seed: 0}\ngrid: {seed: 0..1}\n"
                          "run: {restarts: 2, restart_pause: 0.1, pack_width: 1}\n");

  const auto ended = run(sweep.run_command({"--ranks", "1"}));

  EXPECT_EQ(ended.exit_code, 1);
  std::size_t num_restarts = 0;
  for (auto at = ended.err.find("starting it again"); at != std::string::npos;
       at = ended.err.find("starting it again", at + 1)) {
    ++num_restarts;
  }
  EXPECT_EQ(num_restarts, 2U) << ended.err;
  EXPECT_TRUE(contains(ended.err, "the same command continues")) << ended.err;
}

TEST(Run, TakesAnMpirunThatCannotLaunchForADeadJob) {
  const TemporaryFolder programs;
  const auto mpirun = programs.write("mpirun", "#!/bin/sh\nexit 1\n");
  std::filesystem::permissions(mpirun, std::filesystem::perms::owner_all);
  const SweepFolder sweep(scripted("{}") + "run: {restarts: 1, restart_pause: 0.1}\n");
  auto command = sweep.run_command({"--ranks", "1"});
  command.insert(command.begin(), {"env", "PATH=" + programs.path().string() + ":/usr/bin:/bin"});

  const auto ended = run(command);

  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_TRUE(contains(ended.err, "the MPI job died (exit code 1)")) << ended.err;
  EXPECT_TRUE(contains(ended.err, "starting it again")) << ended.err;
}

TEST(Run, CapsTheLogOfATrainerThatFloodsIt) {
  const SweepFolder sweep(scripted("{trouble: flood, trouble_seed: 2}"));

  EXPECT_EQ(run(sweep.run_command({"--ranks", "2"})).exit_code, 0);

  EXPECT_LE(std::filesystem::file_size(sweep.output() + "/log.txt"), 11'000'000U);
}

TEST(Run, IsRefusedWhileAnotherRunUsesTheFolder) {
  const SweepFolder sweep(scripted("{sleep_ms: 1500}"));
  const Program first(sweep.run_command({"--ranks", "1"}));
  ASSERT_TRUE(wait_until([&] { return has_status(sweep); }));

  const auto second = run(sweep.run_command({"--ranks", "1"}));

  EXPECT_EQ(second.exit_code, 4);
  EXPECT_TRUE(contains(second.err, "is in use (process ")) << second.err;
}

TEST(Run, SavesAndStopsOnASignalAndContinuesLater) {
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    const SweepFolder sweep(scripted("{sleep_ms: 100}"));
    Program first(sweep.run_command({"--ranks", "2"}));
    ASSERT_TRUE(wait_until([&] { return has_status(sweep) && sweep.num_recorded() > 0; }));

    first.signal(signal);
    const auto stopped = first.wait();

    EXPECT_EQ(stopped.exit_code, signal == SIGTERM ? 143 : 130);
    EXPECT_TRUE(contains(stopped.err, "the same command continues")) << stopped.err;
    const auto num_finished = sweep.num_recorded();
    EXPECT_LT(num_finished, 24U);
    const auto ended = run(sweep.run_command({"--ranks", "2"}));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_TRUE(contains(ended.err, "continuing ")) << ended.err;
    EXPECT_EQ(sweep.num_recorded(), 24U) << "nothing is trained twice";
  }
}

TEST(Run, StopsWhilePacksLieReadyAndContinuesWithThem) {
  const SweepFolder sweep(scripted("{sleep_ms: 50, heeds_stop: true}") + "run: {pack_width: 1}\n");
  Program first(sweep.run_command({"--ranks", "2"}));
  ASSERT_TRUE(wait_until([&] { return has_status(sweep) && sweep.num_recorded() > 1; }));

  first.signal(SIGTERM);

  EXPECT_EQ(first.wait().exit_code, 143);
  EXPECT_LT(sweep.num_recorded(), 24U);
  const auto ended = run(sweep.run_command({"--ranks", "2"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), 24U) << "no pack was lost or trained twice";
}

TEST(Run, StopsWithinTheGracePeriodWithATrainerThatDoesNotHeedIt) {
  const SweepFolder sweep(scripted("{sleep_ms: 3600000}") + "run: {grace: 3}\n");
  Program first(sweep.run_command({"--ranks", "2"}));
  ASSERT_TRUE(wait_until([&] { return has_status(sweep); }));

  first.signal(SIGTERM);
  const auto stopped = first.wait();

  EXPECT_EQ(stopped.exit_code, 143);
  EXPECT_TRUE(contains(stopped.err, "stopped: 0 of 24 trials finished")) << stopped.err;
}

TEST(Run, StopsAtOnceOnASecondSignal) {
  const SweepFolder sweep(scripted("{sleep_ms: 3600000}") + "run: {grace: 3600}\n");
  Program first(sweep.run_command({"--ranks", "2"}));
  ASSERT_TRUE(wait_until([&] { return has_status(sweep); }));

  first.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  first.signal(SIGINT);

  EXPECT_EQ(first.wait().exit_code, 130);
}

TEST(Run, SavesUnderAnMpirunOfTheUsersToo) {
  const SweepFolder sweep(scripted("{sleep_ms: 100}"));
  Program first(sweep.mpirun_command(2));
  ASSERT_TRUE(wait_until([&] { return has_status(sweep) && sweep.num_recorded() > 0; }));

  first.signal(SIGUSR1);  // mpirun passes it on to every rank
  const auto stopped = first.wait();

  EXPECT_TRUE(contains(stopped.err, "the same command continues")) << stopped.err;
  EXPECT_EQ(run(sweep.run_command()).exit_code, 0);
  EXPECT_EQ(sweep.num_recorded(), 24U) << "nothing is trained twice";
}

TEST(Run, LosesNothingAndRepeatsNothingWhenEverythingIsKilled) {
  const SweepFolder sweep(scripted("{sleep_ms: 20}"));
  ASSERT_EQ(run(sweep.run_command({"--ranks", "2"}, "undisturbed")).exit_code, 0);
  std::mt19937 random(1);

  for (int kills = 0; kills < 8; ++kills) {
    const Program victim(sweep.run_command({"--ranks", "2"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + random() % 500));
    victim.kill_all();
  }
  const auto ended = run(sweep.run_command({"--ranks", "3"}));

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.data(), sweep.data("undisturbed"));
  EXPECT_EQ(sweep.num_recorded(), 24U);
}

TEST(Run, StartsTheJobAgainWhenARankIsKilled) {
  const SweepFolder sweep(scripted("{sleep_ms: 50}"));
  Program supervisor(sweep.run_command({"--ranks", "2"}));
  ASSERT_TRUE(wait_until([&] { return has_status(sweep) && sweep.num_recorded() > 0; }));
  const auto mpirun = find_descendant(supervisor.process(), "mpirun");
  const std::string run_of_a_rank = std::string("mpisweep") + '\0' + "run";

  kill(find_descendant(mpirun, run_of_a_rank), SIGKILL);
  const auto ended = supervisor.wait();

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.err, "starting it again")) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), 24U) << "nothing is lost or trained twice";
}

TEST(Run, GoesOnAfterItsProgramWasBuiltAgain) {
  const TemporaryFolder programs;
  const auto program = programs.path() / "mpisweep";
  std::filesystem::copy_file(MPISWEEP, program);
  const SweepFolder sweep(scripted("{sleep_ms: 50}"));
  auto command = sweep.run_command({"--ranks", "2"});
  command.front() = program.string();
  Program supervisor(command);
  ASSERT_TRUE(wait_until([&] { return has_status(sweep) && sweep.num_recorded() > 0; }));

  std::filesystem::remove(program);
  std::filesystem::copy_file(MPISWEEP, program);
  const std::string run_of_a_rank = std::string("mpisweep") + '\0' + "run";
  kill(find_descendant(find_descendant(supervisor.process(), "mpirun"), run_of_a_rank), SIGKILL);
  const auto ended = supervisor.wait();

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(sweep.num_recorded(), 24U);
}

TEST(Run, LeavesNoProcessBehindWhenItIsKilled) {
  const SweepFolder sweep(scripted("{sleep_ms: 1000}"));
  const Program victim(sweep.run_command({"--ranks", "2"}));
  // mpirun, two ranks, two trainers
  ASSERT_TRUE(wait_until([&] { return descendants_of(victim.process()).size() >= 5; }));
  const auto family = descendants_of(victim.process());

  victim.signal(SIGKILL);

  const auto is_alive = [](pid_t process) { return kill(process, 0) == 0; };
  EXPECT_TRUE(wait_until([&] { return std::none_of(family.begin(), family.end(), is_alive); }));
}

TEST(Run, EndsTheJobAtOnceAndNamesTheRankWhenItsFolderCannotBeMade) {
  const SweepFolder sweep(scripted());

  const auto ended = run(sweep.run_command({"--ranks", "2"}, "a.yaml/below/a/file"));

  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_TRUE(contains(ended.err, "mpisweep: rank 0: cannot make")) << ended.err;
}

TEST(Run, EndsTheJobAtOnceAndNamesTheRankThatGotGarbage) {
  const SweepFolder sweep(scripted());
  auto command = sweep.run_command();
  command.insert(command.begin(), {"mpirun", "--oversubscribe", "--bind-to", "none", "-n", "1",
                                   RANK_OF_GARBAGE, ":", "-n", "1"});

  const auto ended = run(command);

  EXPECT_NE(ended.exit_code, 0);
  EXPECT_TRUE(contains(ended.err, "mpisweep: rank 1: a rank sent what is no message")) << ended.err;
}

TEST(Run, DoesNotSpinWhileItWaits) {
  const SweepFolder sweep("name: a\ntrainer: [" SCRIPTED_TRAINER
                          "]\ntrial: {sleep_ms: 3000}\ngrid: {seed: [0]}\n");

  rusage before{};
  rusage after{};
  getrusage(RUSAGE_CHILDREN, &before);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(run(sweep.mpirun_command(4)).exit_code, 0);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  getrusage(RUSAGE_CHILDREN, &after);

  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  const double cpu = seconds(after.ru_utime) + seconds(after.ru_stime) - seconds(before.ru_utime) -
                     seconds(before.ru_stime);
  // Four spinning ranks would take four cores for the three seconds of sleep.
  EXPECT_LT(cpu, 0.75 * wall.count()) << "start and end of four ranks included";
}

TEST(Plan, ShowsAxesTrialsAndPacksAndStartsNothing) {
  const SweepFolder sweep(scripted());

  const auto ended =
      run({MPISWEEP, "plan", sweep.config(), "--ranks", "2", "--output", sweep.output()});

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "seed            0..5   replicates")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "24 trials, 24 to do")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "6 packs of 4")) << ended.out;
  EXPECT_FALSE(std::filesystem::exists(sweep.output()));
}

TEST(Plan, FixesThePackWidthThatTheCommandLineNames) {
  const SweepFolder sweep(scripted());

  const auto ended = run({MPISWEEP, "plan", sweep.config(), "--ranks", "2", "--pack-width", "2"});
  const auto refused = run({MPISWEEP, "plan", sweep.config(), "--pack-width", "0"});

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "12 packs of 2")) << ended.out;
  EXPECT_EQ(refused.exit_code, 2);
}

TEST(Status, TellsOfFinishedAndFailedTrials) {
  const SweepFolder sweep(scripted("{trouble: throw, trouble_seed: 2}"));
  run(sweep.run_command({"--ranks", "2"}));

  const auto ended = run({MPISWEEP, "status", sweep.output()});

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(contains(ended.out, "20/24")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "4 failed")) << ended.out;
  EXPECT_TRUE(contains(ended.out, "width=2 seed=2 learning_rate=0.25   no luck (1 attempt)"))
      << ended.out;
}

TEST(Status, NeedsNoJournalThatIsAsTheRunLeftIt) {
  const SweepFolder sweep(scripted());
  ASSERT_EQ(run(sweep.run_command()).exit_code, 0);
  const auto journal = sweep.output() + "/journal";
  write_bytes(journal, std::string(std::filesystem::file_size(journal), '0'));

  const auto ended = run({MPISWEEP, "status", sweep.output()});

  EXPECT_TRUE(contains(ended.out, "done   24/24 finished")) << ended.out << ended.err;
}

TEST(Status, CountsInAJournalThatHasGrownSince) {
  const SweepFolder sweep(scripted());
  const auto status_file = sweep.output() + "/status.json";
  ASSERT_EQ(run(sweep.run_command({"--set", "seed=0..3"})).exit_code, 0);
  const auto old_status = read_bytes(status_file);
  ASSERT_TRUE(contains(run({MPISWEEP, "status", sweep.output()}).out, "16/16"));
  ASSERT_EQ(run(sweep.run_command()).exit_code, 0);

  write_bytes(status_file, old_status);
  EXPECT_TRUE(contains(run({MPISWEEP, "status", sweep.output()}).out, "24/24"));
  std::filesystem::remove(status_file);
  EXPECT_TRUE(contains(run({MPISWEEP, "status", sweep.output()}).out, "24/24"));
}

TEST(Status, TellsThatARunWasKilled) {
  const SweepFolder sweep(scripted("{sleep_ms: 500}"));
  {
    const Program victim(sweep.run_command({"--ranks", "1"}));
    ASSERT_TRUE(wait_until([&] { return has_status(sweep); }));
    victim.kill_all();
  }

  EXPECT_TRUE(contains(run({MPISWEEP, "status", sweep.output()}).out, "interrupted"));
}

TEST(Status, NamesAFolderWithoutResults) {
  const auto ended = run({MPISWEEP, "status", "/nowhere"});

  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_TRUE(contains(ended.err, "/nowhere")) << ended.err;
}

TEST(Show, AveragesOverSeeds) {
  const SweepFolder sweep(scripted());
  ASSERT_EQ(run(sweep.run_command()).exit_code, 0);

  const auto ended = run({MPISWEEP, "show", sweep.output(), "--by", "learning_rate", "--json"});

  // Seeds 0..5 and a rate of 0.25: the scores' mean is 2.5 + 0.25.
  EXPECT_EQ(nlohmann::json::parse(ended.out)[0]["score"]["mean"], 2.75);
}

TEST(Show, TellsHowBusyTheWorkersWere) {
  const SweepFolder sweep(scripted("{sleep_ms: 20}"));
  ASSERT_EQ(run(sweep.run_command({"--ranks", "2"})).exit_code, 0);

  const auto shown = run({MPISWEEP, "show", sweep.output(), "--workers", "--json"});
  const auto workers = nlohmann::json::parse(shown.out);

  ASSERT_EQ(workers.size(), 2U);
  for (const auto& worker : workers) {
    EXPECT_GT(worker["busy_s"], 0.0);
    EXPECT_LE(worker["busy_s"], worker["allocated_s"]);
    EXPECT_EQ(worker["utilization"],
              worker["busy_s"].get<double>() / worker["allocated_s"].get<double>());
  }
  EXPECT_TRUE(contains(run({MPISWEEP, "show", sweep.output()}).out, "2 workers, "));
  EXPECT_TRUE(contains(run({MPISWEEP, "status", sweep.output()}).out, "allocated_s"));
}

TEST(Show, SuggestsWhatAMisspeltMetricMeant) {
  const SweepFolder sweep(scripted());
  ASSERT_EQ(run(sweep.run_command()).exit_code, 0);

  const auto ended = run({MPISWEEP, "show", sweep.output(), "--metric", "scroe"});

  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_TRUE(contains(ended.err, "did you mean 'score'?")) << ended.err;
}

TEST(Export, WritesALinePerTrial) {
  const SweepFolder sweep(scripted());
  ASSERT_EQ(run(sweep.run_command()).exit_code, 0);

  const auto ended = run({MPISWEEP, "export", sweep.output(), "--format", "csv"});

  EXPECT_EQ(std::count(ended.out.begin(), ended.out.end(), '\n'), 25);
  EXPECT_TRUE(contains(ended.out, "trial,width,seed,learning_rate,status,")) << ended.out;
}

TEST(Help, ShowsAnExampleForEveryCommand) {
  for (const char* command : {"run", "plan", "status", "show", "export", "check", "studies"}) {
    const auto ended = run({MPISWEEP, command, "--help"});

    EXPECT_EQ(ended.exit_code, 0);
    EXPECT_TRUE(contains(ended.out, std::string("example: mpisweep ") + command)) << ended.out;
  }
}

}  // namespace
}  // namespace end_to_end
