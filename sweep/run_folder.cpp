#include "sweep/run_folder.hpp"

#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include "results/file.hpp"
#include "sweep/slurm/job.hpp"

namespace sweep {
namespace {

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw results::StorageError("cannot make " + folder.string() +
                                results::describe_system_error(error.value()));
  }
}

FolderLock take_folder(const std::filesystem::path& folder, const FolderClaim& claim) {
  make_folder(folder);
  const auto job = slurm_job().value_or(results::SlurmJob{}).id;
  for (bool is_told = false;; is_told = true) {
    try {
      return FolderLock(folder, kLockPatience, claim.take_over, job, claim.should_stop);
    } catch (const FolderBusy&) {
      if (claim.if_busy == IfBusy::refuse && !claim.should_stop()) throw;
    }
    const auto holder = describe_holder(folder);
    if (claim.should_stop()) {
      throw StoppedWaiting("stopped: " + folder.string() + " is still in use (" + holder +
                           "); the same command tries again");
    }
    if (is_told) continue;
    std::cerr << "waiting until " << folder.string() << " is free (" << holder << " holds it)"
              << std::endl;
    claim.on_wait();
  }
}

bool holds(const std::filesystem::path& path, const std::string& text) {
  std::ifstream file(path, std::ios::binary);
  return file && text == std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

RunFolder::RunFolder(std::filesystem::path folder, const FolderClaim& claim,
                     const std::filesystem::path& trainer_log)
    : path(std::move(folder)),
      lock(take_folder(path, claim)),
      checkpoints(path),
      recorder(path, checkpoints.keys()),
      log(trainer_log.empty() ? path / "log.txt" : trainer_log) {}

void save_config(const std::filesystem::path& folder, const std::string& text) {
  const auto path = folder / "config.yaml";
  if (!holds(path, text)) results::replace_content(path, text);
}

}  // namespace sweep
