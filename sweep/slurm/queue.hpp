#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// What may be asked of Slurm's queue. Its programs are given ten seconds to answer; each function
/// throws std::system_error if no process can be made.
namespace sweep {

/// What Slurm says that a job does; both empty if there is no answer.
struct JobState {
  std::string name = {};    ///< "RUNNING", "COMPLETING"
  std::string reason = {};  ///< "None", "TimeLimit"
};

/// An id here may be that of one task of an array, "12_3".
JobState look_at_job(const std::string& id);

/// Puts a running job back into its queue: its processes are ended and its script starts anew.
/// False if Slurm does not allow it; Slurm's reason is then on standard error.
bool requeue_job(const std::string& id);

/// Submits the script of the job that we are in again, to begin when that has ended. The new job's
/// id; nothing if Slurm refuses, its reason is then on standard error, if the environment's
/// MPISWEEP_JOB_SCRIPT does not name the script, or for a task of an array, which has no script of
/// its own.
std::optional<std::string> submit_successor(const std::string& id);

/// Submits a script. Returns as submit_successor().
std::optional<std::string> submit_job(const std::filesystem::path& script);

/// A line "%P|%D|%c|%G|%l" of sinfo's for each kind of node in each partition; empty if there is no
/// answer.
std::string list_partitions();

/// What Slurm says of a node.
struct SlurmNode {
  std::string name = {};
  std::string machine = {};  ///< its host name; a test cluster has several nodes on one
  bool is_lost = false;      ///< down, failed or silent
};

/// Empty if there is no answer.
std::vector<SlurmNode> look_at_nodes(const std::vector<std::string>& names);

}  // namespace sweep
