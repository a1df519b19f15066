#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "results/records.hpp"

namespace sweep {

/// Names the checkpoint of a pack: a hash of which trials are in it, whatever their order.
std::uint64_t checkpoint_key(std::vector<results::TrialId> trials);

/// The files in which trainers save packs, `checkpoint-<key>` in the output folder: at most one for
/// each pack that is training or waits to go on. Trainers write them; this decides which stay.
/// Trouble with such a file costs the state in it alone, so nothing here throws.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(const std::filesystem::path& output);

  std::filesystem::path path_of(std::uint64_t key) const;
  bool has(std::uint64_t key) const;

  /// Gives `key` a copy of what was saved under `from` (0: nothing), unless it has a state of its
  /// own. False if there is none.
  bool provide(std::uint64_t key, std::uint64_t from) const;

  void remove(std::uint64_t key) const;

  /// The keys of all files.
  std::vector<std::uint64_t> keys() const;

  /// Removes what belongs to none of these keys, unfinished files too.
  void remove_others(const std::vector<std::uint64_t>& keys) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace sweep
