#include "sweep/slurm/job.hpp"

#include <chrono>
#include <cstdlib>
#include <string>
#include <system_error>

#include "sweep/clock.hpp"
#include "sweep/slurm/programs.hpp"
#include "sweep/time_limit.hpp"

namespace sweep {
namespace {

/// "%L" is the time left, in the format of time limits; a word where there is no limit.
std::optional<double> ask_squeue(const std::string& job) {
  try {
    const auto text = ask_slurm({"squeue", "--noheader", "--jobs", job, "--format", "%L"});
    if (!text) return std::nullopt;
    const auto left_s = parse_time(text->substr(0, text->find_first_of(" \n")));
    return left_s ? std::optional(unix_now_s() + *left_s) : std::nullopt;
  } catch (const std::system_error&) {  // no process can be made: those of the sweep will say so
    return std::nullopt;
  }
}

}  // namespace

std::optional<results::SlurmJob> slurm_job() {
  const auto id = environment_variable("SLURM_JOB_ID");
  if (id.empty()) return std::nullopt;
  results::SlurmJob job{
      .id = id,
      .num_restarts = std::atoi(environment_variable("SLURM_RESTART_COUNT").c_str()),
      .cluster = environment_variable("SLURM_CLUSTER_NAME"),
      .nodes = environment_variable("SLURM_JOB_NODELIST")};
  const auto task = environment_variable("SLURM_ARRAY_TASK_ID");
  if (!task.empty()) job.array_task = environment_variable("SLURM_ARRAY_JOB_ID") + "_" + task;
  return job;
}

std::optional<double> end_of_slurm_job() {
  const auto job = environment_variable("SLURM_JOB_ID");
  if (job.empty()) return std::nullopt;
  const double end_s = std::atof(environment_variable("SLURM_JOB_END_TIME").c_str());
  return end_s > 0 ? std::optional(end_s) : ask_squeue(job);
}

}  // namespace sweep
