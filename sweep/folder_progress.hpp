#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace sweep {

/// How far the training in an output folder is, for comparison with what it was before.
struct FolderProgress {
  std::size_t num_ended = 0;           ///< trials that no later run trains by itself
  std::int64_t newest_checkpoint = 0;  ///< when a pack was saved last, ns since 1970; 0: never
};

/// Reads files only. A journal that cannot be read has no ends of trials: others say what is wrong.
FolderProgress progress_in(const std::filesystem::path& folder);

/// Whether more was trained than before: a trial has ended, or a pack was saved. A trainer saves a
/// pack only after a step of it.
bool has_moved(const FolderProgress& before, const FolderProgress& now);

}  // namespace sweep
