#include "sweep/trainer_process.hpp"

#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/child_process.hpp"
#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

constexpr std::chrono::seconds kPatience{20};

TrainerProcess shell(const std::string& script) {
  return TrainerProcess({.program = {"bash", "-c", script}});
}

TEST(TrainerProcess, AnswersHello) {
  TrainerProcess trainer({.program = {SCRIPTED_TRAINER}});

  trainer.send(protocol::Hello{});

  EXPECT_EQ(std::get<protocol::Ready>(trainer.expect(kPatience)).trainer, "scripted 1");
}

TEST(TrainerProcess, TellsHowATrainerEnded) {
  auto crashed = shell("kill -SEGV $$");
  auto left = shell("exit 3");

  EXPECT_THROW(crashed.expect(kPatience), protocol::ProtocolError);
  EXPECT_THROW(left.expect(kPatience), protocol::ProtocolError);
  EXPECT_EQ(crashed.end(), "signal 11 (Segmentation fault)");
  EXPECT_EQ(left.end(), "exit code 3");
}

TEST(TrainerProcess, KeepsTheLastLinesOfItsOutput) {
  auto trainer = shell("echo to stdout; echo to stderr >&2; exit 1");

  EXPECT_THROW(trainer.expect(kPatience), protocol::ProtocolError);

  trainer.end();
  EXPECT_EQ(trainer.last_output(), "to stdout\nto stderr\n");
}

TEST(TrainerProcess, SaysThatAProgramDoesNotExist) {
  TrainerProcess trainer({.program = {"/nowhere/trainer"}});

  EXPECT_THROW(trainer.expect(kPatience), protocol::ProtocolError);

  EXPECT_NE(trainer.last_output().find("cannot start /nowhere/trainer"), std::string::npos);
}

TEST(TrainerProcess, HidesTheLauncherFromTheTrainer) {
  setenv("OMPI_COMM_WORLD_RANK", "0", 1);
  setenv("PMIX_RANK", "0", 1);
  auto trainer = shell("env | grep -c -E '^(OMPI|PMIX|PMI)_'; exit 0");
  unsetenv("OMPI_COMM_WORLD_RANK");
  unsetenv("PMIX_RANK");

  EXPECT_THROW(trainer.expect(kPatience), protocol::ProtocolError);

  trainer.end();
  EXPECT_EQ(trainer.last_output(), "0\n");
}

TEST(TrainerProcess, StartsInTheFolderItIsGiven) {
  const TemporaryFolder folder;
  TrainerProcess trainer({.program = {"bash", "-c", "pwd -P"}, .folder = folder.path()});

  EXPECT_THROW(trainer.expect(kPatience), protocol::ProtocolError);

  trainer.end();
  EXPECT_EQ(trainer.last_output(), std::filesystem::canonical(folder.path()).string() + "\n");
}

TEST(TrainerProcess, RefusesGarbage) {
  auto trainer = shell("echo this is no message >&3; sleep 100");

  EXPECT_THROW(trainer.expect(kPatience), protocol::ProtocolError);
}

TEST(TrainerProcess, RefusesHalfALine) {
  auto trainer = shell("printf '{\"type\":' >&3");

  EXPECT_THROW(trainer.expect(kPatience), protocol::ProtocolError);
}

TEST(TrainerProcess, GivesUpOnASilentTrainer) {
  auto trainer = shell("sleep 100");

  EXPECT_THROW(trainer.expect(std::chrono::seconds(1)), protocol::ProtocolError);
  EXPECT_EQ(trainer.end(), "signal 9 (Killed)");
}

/// Polls, since the kernel kills in its own time.
bool is_gone_soon(pid_t process) {
  for (int i = 0; i < 500; ++i) {
    if (kill(process, 0) != 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

pid_t read_number(const std::filesystem::path& path) {
  for (int i = 0; i < 500; ++i) {
    pid_t number = 0;
    if (std::ifstream(path) >> number) return number;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return 0;
}

TEST(StartChild, LetsNoChildOutliveAKilledParent) {
  // The parent is a process of its own: `exec-child` of this test program, which runs a bash that
  // is given a child through exec-child and is then killed without a chance to clean up.
  const TemporaryFolder folder;
  const auto number_file = (folder.path() / "number").string();
  const auto program = own_program().string();
  const pid_t parent = start_child({.program = {"bash", "-c",
                                                program + " exec-child 9 $$ 0 bash -c 'echo $$ > " +
                                                    number_file + "; exec sleep 1000' & wait"}});
  const pid_t child = read_number(number_file);
  ASSERT_GT(child, 0);

  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);

  EXPECT_TRUE(is_gone_soon(child));
}

TEST(TrainerProcess, DoesNotWaitForATrainerThatNeverReads) {
  TrainerProcess trainer({.program = {"sleep", "1000"}});
  const protocol::PackRequest large{.settings = {{"text", std::string(10'000'000, 'x')}}};

  EXPECT_THROW(trainer.send(large), protocol::ProtocolError);
}

TEST(TrainerProcess, NoticesItsEndThoughAChildOfItsOwnLivesOn) {
  TrainerProcess trainer({.program = {"bash", "-c", "sleep 1000 & exit 3"}});
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);

  while (!trainer.has_ended() && std::chrono::steady_clock::now() < deadline) {
    trainer.take();
    trainer.wait(std::chrono::milliseconds(10));
  }

  EXPECT_TRUE(trainer.has_ended());
  EXPECT_EQ(trainer.end(), "exit code 3");
}

TEST(TrainerProcess, IsTakenBeforeItsRankWhenTheHostIsOutOfMemory) {
  TrainerProcess trainer({.program = {"cat", "/proc/self/oom_score_adj"}});
  while (!trainer.has_ended()) {
    trainer.take();
    trainer.wait(std::chrono::milliseconds(10));
  }
  int ours = 0;
  std::ifstream("/proc/self/oom_score_adj") >> ours;

  const int highest = 1000;  // there is no more than that to give
  const int theirs = std::stoi(trainer.take_output());
  EXPECT_TRUE(theirs > ours || ours == highest) << "the kernel takes the highest score first";
}

TEST(TrainerProcess, TakesItsOwnChildrenWithIt) {
  const TemporaryFolder folder;
  const auto number_file = (folder.path() / "number").string();
  pid_t grandchild = 0;
  {
    const TrainerProcess trainer(
        {.program = {"bash", "-c", "sleep 1000 & echo $! > " + number_file + "; wait"}});
    grandchild = read_number(number_file);
    ASSERT_GT(grandchild, 0);
  }

  EXPECT_TRUE(is_gone_soon(grandchild));
}

TEST(TrainerProcess, TakesALargeMessageOfATrainerThatExitedAtOnce) {
  TrainerProcess trainer({.program = {"python3", "-c", R"(import os
message = '{"type":"done","pack":1,"text":"' + 'x' * 20_000_000 + '"}\n'
for i in range(0, len(message), 65536): os.write(3, message[i:i + 65536].encode())
)"}});

  const auto message = trainer.expect(std::chrono::seconds(20));

  EXPECT_EQ(std::get<protocol::Done>(message).pack, 1);
}

TEST(TrainerProcess, KeepsAPartOfAFloodOfOutput) {
  TrainerProcess trainer({.program = {"bash", "-c", "yes | head -c 1000000; exec 1>&- 2>&-"}});
  while (!trainer.has_ended()) {
    trainer.take();
    trainer.wait(std::chrono::milliseconds(10));
  }
  std::string output;
  for (int i = 0; i < 10; ++i)
    output += trainer.take_output();

  EXPECT_NE(output.find(" bytes left out]"), std::string::npos);
  EXPECT_LT(output.size(), 500'000U);
}

}  // namespace
}  // namespace sweep
