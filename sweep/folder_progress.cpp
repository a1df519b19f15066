#include "sweep/folder_progress.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "results/journal.hpp"
#include "sweep/checkpoint_folder.hpp"

namespace sweep {
namespace {

std::size_t count_ended(const std::filesystem::path& journal) {
  std::size_t count = 0;
  try {
    results::read_journal(journal, [&count](results::RecordType type, const std::string&) {
      if (type == results::RecordType::trial) ++count;
    });
  } catch (const results::StorageError&) {
  }
  return count;
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
  FolderProgress progress{.num_ended = count_ended(folder / "journal")};
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
