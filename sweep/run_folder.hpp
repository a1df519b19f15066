#pragma once

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

#include "sweep/checkpoint_folder.hpp"
#include "sweep/folder_lock.hpp"
#include "sweep/log_file.hpp"
#include "sweep/recorder.hpp"

namespace sweep {

/// What to do while another run holds the folder, once that has had time to end.
enum class IfBusy { refuse, wait };

/// A run that waited for its folder was told to stop, or its time is over.
class StoppedWaiting : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How a run gets its folder while another one may hold it.
struct FolderClaim {
  TakeOver take_over = TakeOver::when_silent;
  IfBusy if_busy = IfBusy::refuse;
  std::function<bool()> should_stop = [] { return false; };  ///< asked while it waits
  std::function<void()> on_wait = [] {};  ///< called once, when people know that it waits
};

/// A run's output folder, made where it is missing, and what the run keeps in it.
struct RunFolder {
  /// Takes the folder and reads its journal. `trainer_log`: of the trainers' output; empty: log.txt
  /// in the folder. Waits as the claim says.
  /// Throws: FolderBusy; StoppedWaiting once `should_stop` is true; results::StorageError.
  RunFolder(std::filesystem::path folder, const FolderClaim& claim,
            const std::filesystem::path& trainer_log);

  std::filesystem::path path;
  FolderLock lock;  ///< before all that it protects
  CheckpointFolder checkpoints;
  Recorder recorder;
  LogFile log;
};

/// Writes the text to config.yaml in the folder, unless it is there already.
/// Throws: results::StorageError.
void save_config(const std::filesystem::path& folder, const std::string& text);

}  // namespace sweep
