#include "sweep/trainer_ahead.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace sweep {
namespace {

TEST(TrainerAhead, IsTakenByTheSameCommand) {
  const TrainerCommand command = {.program = {SCRIPTED_TRAINER}};
  auto ahead = std::make_unique<TrainerProcess>(command);
  const auto* address = ahead.get();

  const auto trainer = take_or_start_trainer(command, std::move(ahead));

  EXPECT_EQ(trainer.get(), address);
}

TEST(TrainerAhead, GivesWayToTheOneThatIsWanted) {
  const TrainerCommand command = {.program = {SCRIPTED_TRAINER}};
  auto other_program = std::make_unique<TrainerProcess>(TrainerCommand{.program = {"cat"}});
  auto other_threads =
      std::make_unique<TrainerProcess>(TrainerCommand{.program = command.program, .threads = 2});

  EXPECT_EQ(take_or_start_trainer(command, std::move(other_program))->command(), command);
  EXPECT_EQ(take_or_start_trainer(command, std::move(other_threads))->command(), command);
  EXPECT_EQ(take_or_start_trainer(command, nullptr)->command(), command);
}

TEST(TrainerAhead, IsStartedAnewWhereItHasDied) {
  const TrainerCommand command = {.program = {"false"}};
  auto ahead = std::make_unique<TrainerProcess>(command);
  const auto* address = ahead.get();
  while (!ahead->has_exited())
    ahead->wait(std::chrono::milliseconds(10));

  const auto trainer = take_or_start_trainer(command, std::move(ahead));

  EXPECT_NE(trainer.get(), address);
}

TEST(TrainerAhead, IsOurOwnInTheFolderItIsGiven) {
  EXPECT_EQ(start_own_trainer("/tmp")->command(), TrainerCommand{.folder = "/tmp"});
  EXPECT_EQ(start_own_trainer({}), nullptr);
}

}  // namespace
}  // namespace sweep
