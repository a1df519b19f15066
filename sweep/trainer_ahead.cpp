#include "sweep/trainer_ahead.hpp"

#include <system_error>

namespace sweep {

std::unique_ptr<TrainerProcess> start_own_trainer(const std::filesystem::path& folder) {
  if (folder.empty()) return nullptr;
  try {
    return std::make_unique<TrainerProcess>(TrainerCommand{.folder = folder});
  } catch (const std::system_error&) {
    return nullptr;
  }
}

std::unique_ptr<TrainerProcess> take_or_start_trainer(const TrainerCommand& command,
                                                      std::unique_ptr<TrainerProcess> ahead) {
  if (ahead && ahead->command() == command && !ahead->has_exited()) return ahead;
  return std::make_unique<TrainerProcess>(command);
}

}  // namespace sweep
