#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

namespace sweep {

/// How long a run waits for another one that is ending, and for a heart to beat.
inline constexpr std::chrono::seconds kLockPatience{10};

/// Another run uses the folder. what() says who.
class FolderBusy : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// When to take a folder over from a run on another host, whose kernel lock is not to be seen here.
enum class TakeOver {
  when_silent,  ///< once its heart has stood still for as long as we are patient
  at_once       ///< a person knows that it is dead
};

/// The right to write to an output folder, held by one run at a time: a kernel lock on the file
/// `lock`, which ends with its process however that ends, and a heartbeat in it, because locks
/// between hosts of a network file system may be granted twice.
class FolderLock {
 public:
  /// Waits up to `patience` for a run that is ending, unless `should_stop` becomes true. A run that
  /// lives on this host is never robbed. `job` of Slurm's is told to others; empty: none. Throws:
  /// FolderBusy; results::StorageError if the file cannot be made.
  FolderLock(const std::filesystem::path& folder, std::chrono::milliseconds patience,
             TakeOver take_over = TakeOver::when_silent, std::string job = {},
             const std::function<bool()>& should_stop = {});
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// Tells other hosts that we live; call every few seconds.
  /// Throws: FolderBusy if a run on another host has taken the folder over.
  void beat();

  /// "process 4711 on node1, since ..." of a run that died with the folder; empty after a good end.
  const std::string& dead_holder() const { return dead_holder_; }

 private:
  /// `may_rob`: a run on another host counts as dead.
  bool try_to_take(bool may_rob);
  void write_holder();

  std::filesystem::path path_;
  int file_ = -1;
  std::string since_;
  std::string job_;
  long beats_ = 0;
  bool is_lost_ = false;  // to a run on another host
  std::string dead_holder_;
};

/// Who holds or last held a folder, as its lock file says; empty if nobody does.
std::string describe_holder(const std::filesystem::path& folder);

/// Whether a run on this host holds the folder right now.
bool is_locked(const std::filesystem::path& folder);

/// Whether a run holds the folder, here or on another host, whose heart is then seen to beat within
/// `patience`. Changes nothing.
bool is_in_use(const std::filesystem::path& folder, std::chrono::milliseconds patience);

}  // namespace sweep
