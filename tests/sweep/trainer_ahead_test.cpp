#include "sweep/trainer_ahead.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

namespace sweep {
namespace {

TEST(StartTrainer, TakesOneThatWasStartedAheadByTheSameCommand) {
  const TrainerCommand command = {.program = {SCRIPTED_TRAINER}};
  auto ahead = std::make_unique<TrainerProcess>(command);
  const auto* address = ahead.get();

  const auto trainer = start_trainer(command, std::move(ahead));

  EXPECT_EQ(trainer.get(), address);
}

TEST(StartTrainer, StartsTheWantedOneWhereAnotherWasStartedAhead) {
  const TrainerCommand command = {.program = {SCRIPTED_TRAINER}};
  auto other_program = std::make_unique<TrainerProcess>(TrainerCommand{.program = {"cat"}});
  auto other_threads =
      std::make_unique<TrainerProcess>(TrainerCommand{.program = command.program, .threads = 2});

  EXPECT_EQ(start_trainer(command, std::move(other_program))->command(), command);
  EXPECT_EQ(start_trainer(command, std::move(other_threads))->command(), command);
  EXPECT_EQ(start_trainer(command, nullptr)->command(), command);
}

TEST(AnnouncedTrainer, IsStartedAsItWasAnnounced) {
  const TrainerCommand command = {
      .program = {SCRIPTED_TRAINER, "quoted \"; $HOME"}, .folder = "/tmp", .threads = 3};
  announce_trainer(command);
  const auto trainer = start_announced_trainer();
  unsetenv(kTrainerVariable);

  ASSERT_NE(trainer, nullptr);
  EXPECT_EQ(trainer->command(), command);
  EXPECT_EQ(start_announced_trainer(), nullptr);
}

TEST(AnnouncedTrainer, IsLeftForLaterWhereTheAnnouncementIsGarbage) {
  setenv(kTrainerVariable, "{\"type\":\"quit\"}", /*overwrite=*/1);
  EXPECT_EQ(start_announced_trainer(), nullptr);
  setenv(kTrainerVariable, "garbage", /*overwrite=*/1);
  EXPECT_EQ(start_announced_trainer(), nullptr);
  unsetenv(kTrainerVariable);
}

}  // namespace
}  // namespace sweep
