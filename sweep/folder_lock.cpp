#include "sweep/folder_lock.hpp"

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include "results/journal.hpp"
#include "sweep/clock.hpp"

namespace sweep {
namespace {

constexpr std::chrono::milliseconds kPause{100};
constexpr const char* kLockName = "lock";

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The fields of a lock file; an empty object if it holds none.
nlohmann::json holder_from(const std::string& text) {
  auto holder = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  return holder.is_object() ? holder : nlohmann::json::object();
}

std::string describe(const nlohmann::json& holder) {
  if (holder.empty()) return "";
  const auto job = holder.value("job", "");
  return "process " + std::to_string(holder.value("process", 0L)) +
         (job.empty() ? "" : " of Slurm job " + job) + " on " + holder.value("host", "?") +
         ", since " + holder.value("since", "?");
}

int open_file(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file >= 0) return file;
  throw results::StorageError("cannot write " + path.string() +
                              results::describe_system_error(errno));
}

bool is_elsewhere(const nlohmann::json& holder) {
  return !holder.empty() && holder.value("host", "") != host_name();
}

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder, std::chrono::milliseconds patience,
                       TakeOver take_over, std::string job,
                       const std::function<bool()>& should_stop)
    : path_(folder / kLockName), file_(open_file(path_)), since_(utc_now()), job_(std::move(job)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto first_beat = read_all(path_);
  while (true) {
    const bool is_over = std::chrono::steady_clock::now() >= deadline;
    const bool has_stood_still = is_over && read_all(path_) == first_beat;
    if (try_to_take(has_stood_still || take_over == TakeOver::at_once)) return;
    if (is_over || (should_stop && should_stop())) break;
    std::this_thread::sleep_for(kPause);
  }
  close(file_);
  throw FolderBusy(folder.string() + " is in use (" + describe_holder(folder) +
                   "), wait for it, stop it, or choose another folder with --output");
}

bool FolderLock::try_to_take(bool may_rob) {
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) return false;
  // On our own host the kernel knows best. Another host's run lives if its heart beats.
  const auto holder = holder_from(read_all(path_));
  if (is_elsewhere(holder) && !may_rob) {
    flock(file_, LOCK_UN);
    return false;
  }
  dead_holder_ = describe(holder);
  write_holder();
  return true;
}

FolderLock::~FolderLock() {
  if (!is_lost_ && ftruncate(file_, 0) != 0) {
    // The next run will call us dead, which does no harm.
  }
  close(file_);
}

void FolderLock::beat() {
  const auto holder = holder_from(read_all(path_));
  if (is_elsewhere(holder)) {
    is_lost_ = true;
    throw FolderBusy("another run took " + path_.parent_path().string() + " over (" +
                     describe(holder) + "), this one ends");
  }
  ++beats_;
  write_holder();
}

void FolderLock::write_holder() {
  nlohmann::json holder = {
      {"host", host_name()}, {"process", getpid()}, {"since", since_}, {"beats", beats_}};
  if (!job_.empty()) holder["job"] = job_;
  const auto text = holder.dump() + "\n";
  const auto size = static_cast<ssize_t>(text.size());
  if (pwrite(file_, text.data(), text.size(), 0) != size || ftruncate(file_, size) != 0) {
    // A full disk: the kernel's lock still holds.
  }
}

std::string describe_holder(const std::filesystem::path& folder) {
  return describe(holder_from(read_all(folder / kLockName)));
}

bool is_locked(const std::filesystem::path& folder) {
  const int file = open((folder / kLockName).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool is_free = flock(file, LOCK_SH | LOCK_NB) == 0;
  close(file);
  return !is_free;
}

bool is_in_use(const std::filesystem::path& folder, std::chrono::milliseconds patience) {
  if (is_locked(folder)) return true;
  const auto first_beat = read_all(folder / kLockName);
  if (!is_elsewhere(holder_from(first_beat))) return false;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (read_all(folder / kLockName) != first_beat) return true;
    std::this_thread::sleep_for(kPause);
  }
  return false;
}

}  // namespace sweep
