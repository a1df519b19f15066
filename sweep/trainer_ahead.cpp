#include "sweep/trainer_ahead.hpp"

#include <cstdlib>
#include <exception>
#include <variant>

#include "sweep/worker_messages.hpp"

namespace sweep {

void announce_trainer(const TrainerCommand& command) {
  setenv(kTrainerVariable, serialize(StartWorker{.trainer = command}).c_str(), /*overwrite=*/1);
}

std::unique_ptr<TrainerProcess> start_announced_trainer() {
  const char* announced = std::getenv(kTrainerVariable);
  if (announced == nullptr) return nullptr;
  try {
    const auto start = std::get<StartWorker>(parse_command(announced));
    return std::make_unique<TrainerProcess>(start.trainer);
  } catch (const std::exception&) {
    return nullptr;
  }
}

std::unique_ptr<TrainerProcess> start_trainer(const TrainerCommand& command,
                                              std::unique_ptr<TrainerProcess> ahead) {
  if (ahead && ahead->command() == command) return ahead;
  return std::make_unique<TrainerProcess>(command);
}

}  // namespace sweep
