#pragma once

#include <filesystem>
#include <string>

#include "sweep/folder_progress.hpp"

namespace sweep {

/// How a run in a Slurm job ended that may go on in another one.
struct UnfinishedRun {
  std::filesystem::path folder = {};  ///< of its results
  FolderProgress at_start = {};       ///< what was in the folder before
};

/// Jobs in a row that may end without having trained anything, the last one included.
inline constexpr int kMostIdleJobs = 3;

/// Sees to it that a run goes on: puts the job that we are in, of this id, back into its queue, or
/// submits its successor where Slurm forbids that, and says so. Not for a job that Slurm itself is
/// ending, because someone cancelled or requeued it, nor after kMostIdleJobs without progress,
/// which the file requeue.json in the folder counts. False if nothing will go on by itself though
/// it should.
bool requeue_or_succeed(const std::string& job, const UnfinishedRun& run);

/// A sweep that is done has nothing to count.
void forget_idle_jobs(const std::filesystem::path& folder);

}  // namespace sweep
