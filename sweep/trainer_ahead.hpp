#pragma once

#include <filesystem>
#include <memory>

#include "sweep/trainer_process.hpp"

/// Trainers that start before anybody knows what they are to do: they load their libraries while
/// MPI begins and rank 0 judges the config. Only our own do, of which we know that they take
/// neither a device nor a licence before they are greeted.
namespace sweep {

/// Our own trainer in its working directory. Null without a directory, or if it cannot be started:
/// it is started, or missed, when it is wanted.
std::unique_ptr<TrainerProcess> start_own_trainer(const std::filesystem::path& folder);

/// The one that was started ahead if it was by the same command and lives, else a new one.
/// Throws: std::system_error if no process or socket can be made.
std::unique_ptr<TrainerProcess> take_or_start_trainer(const TrainerCommand& command,
                                                      std::unique_ptr<TrainerProcess> ahead);

}  // namespace sweep
