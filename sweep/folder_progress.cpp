#include "sweep/folder_progress.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "sweep/checkpoint_folder.hpp"
#include "sweep/outlook.hpp"

namespace sweep {
namespace {

/// Trials that no later run would train by itself.
std::size_t count_ended(const std::filesystem::path& folder) {
  try {
    const auto results = results_in(folder);
    return static_cast<std::size_t>(std::ranges::count_if(results.trials, [](const auto& trial) {
      return trial.has_ended && (trial.status != protocol::Outcome::failed ||
                                 trial.cause == protocol::Cause::exception);
    }));
  } catch (const results::StorageError&) {
    return 0;
  }
}

std::int64_t saved_at(const std::filesystem::path& checkpoint) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(checkpoint, error);
  if (error) return 0;
  const auto since_1970 = std::chrono::file_clock::to_sys(time).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count();
}

}  // namespace

FolderProgress progress_in(const std::filesystem::path& folder) {
  FolderProgress progress{.num_ended = count_ended(folder)};
  const CheckpointFolder checkpoints(folder);
  for (const auto key : checkpoints.keys()) {
    progress.newest_checkpoint =
        std::max(progress.newest_checkpoint, saved_at(checkpoints.path_of(key)));
  }
  return progress;
}

bool has_moved(const FolderProgress& before, const FolderProgress& now) {
  return now.num_ended > before.num_ended || now.newest_checkpoint > before.newest_checkpoint;
}

}  // namespace sweep
