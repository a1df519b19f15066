#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "results/sweep_results.hpp"
#include "results/worker_use.hpp"
#include "sweep/waiting_packs.hpp"

namespace sweep {

/// What a run says of itself every few seconds, in status.json, for people who look from outside.
struct SweepStatus {
  struct FailedTrial {
    std::string id = {};
    std::string label = {};  ///< its values on the grid's axes
    std::string error = {};
    int attempts = 0;
  };

  std::string name = {};
  std::string state = {};  ///< running | finished | stopped
  std::string host = {};
  int process = 0;
  int num_ranks = 0;
  std::string started = {};         ///< UTC
  std::string updated = {};         ///< UTC
  std::uint64_t journal_bytes = 0;  ///< length of the journal that has these counts
  results::Counts counts = {};
  std::size_t packs_training = 0;
  double left_s = -1;                    ///< estimate; negative: none yet
  double left_uncertainty_s = -1;        ///< half of a 95 % interval
  results::WorkerUse use = {};           ///< of the latest run until now
  results::Workers workers = {};         ///< of the latest run until now; none if they are many
  std::vector<FailedTrial> failed = {};  ///< the first ones
  std::string job_end = {};              ///< UTC; empty: it has no limit that we know of
  HeldBack held_back = {};               ///< for want of time
  std::vector<results::SlurmJob> slurm_jobs = {};  ///< that worked on it
};

/// Replaces folder/status.json in one step.  Throws: results::StorageError.
void write_status(const std::filesystem::path& folder, const SweepStatus& status);

/// Nothing if there is none or it cannot be read.
std::optional<SweepStatus> read_status(const std::filesystem::path& folder);

/// Puts down what the workers have done.
void put_workers(SweepStatus& status, const results::Workers& workers);

/// The counts, the first failed trials and the Slurm jobs of a sweep, as its journal has them.
SweepStatus status_of(const results::SweepResults& sweep);

std::string to_json_text(const SweepStatus& status);

}  // namespace sweep
