#pragma once

#include <memory>

#include "sweep/trainer_process.hpp"

/// Trainers that start before anybody knows what they are to do: they load their libraries while
/// MPI begins and rank 0 judges the config. Nobody has greeted them.
namespace sweep {

/// Holds the announced command, for launchers to hand on.
inline constexpr const char* kTrainerVariable = "MPISWEEP_TRAINER_AHEAD";

/// Tells ranks that we launch which trainer they will want, by our environment.
void announce_trainer(const TrainerCommand& command);

/// Null if none was announced or it cannot be started: it is started, or missed, when it is wanted.
std::unique_ptr<TrainerProcess> start_announced_trainer();

/// The one that was started ahead if it was by the same command, else a new one.
/// Throws: std::system_error if no process or socket can be made.
std::unique_ptr<TrainerProcess> start_trainer(const TrainerCommand& command,
                                              std::unique_ptr<TrainerProcess> ahead);

}  // namespace sweep
