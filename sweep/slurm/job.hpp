#pragma once

#include <optional>

#include "results/records.hpp"

/// What Slurm says of the job that we run in.
namespace sweep {

/// From the environment; nothing outside of Slurm.
std::optional<results::SlurmJob> slurm_job();

/// When the job ends, Unix time; nothing if it has no limit, or nobody knows. Asks `squeue` where
/// the environment does not tell; waits for its answer, 10 s at most.
std::optional<double> end_of_slurm_job();

}  // namespace sweep
