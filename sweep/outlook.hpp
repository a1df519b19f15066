#pragma once

#include <filesystem>
#include <vector>

#include "results/sweep_results.hpp"
#include "sweep/plan.hpp"
#include "sweep/prepare.hpp"
#include "sweep/schedule.hpp"

/// What a run will do, for `run` and for `plan`.
namespace sweep {

/// The folder a sweep writes to: the wanted one, or out/<name> if that is empty.
std::filesystem::path output_folder(const std::filesystem::path& wanted, const Config& config);

/// What the journal of a folder says; nothing if there is none.
/// Throws: results::StorageError if it cannot be read.
results::SweepResults results_in(const std::filesystem::path& folder);

/// Trials that a run would train, in grid order: those without an end, those whose trainer died,
/// and on demand those that failed with an exception.
std::vector<std::size_t> trials_to_do(const PreparedSweep& sweep,
                                      const results::SweepResults& results, bool retry_failed);

/// The packs whose state was saved, with those of their trials that are still to do, and takes
/// these out of `trials`. A trial of several goes on in the smallest, which is the latest.
std::vector<Pack> packs_to_resume(const PreparedSweep& sweep,
                                  const std::vector<results::PackRecord>& saved,
                                  std::vector<std::size_t>& trials);

/// Those trials by combination, each as wide as packs may be.
std::vector<PackGroup> group_trials(const PreparedSweep& sweep,
                                    const std::vector<std::size_t>& trials, int num_ranks);

/// Hands that work out to so many ranks.
Schedule schedule_for(const PreparedSweep& sweep, Workload work, int num_ranks);

/// One rank per GPU, or per core where the sweep trains on CPUs; never more than trials.
int default_num_ranks(const PreparedSweep& sweep);

}  // namespace sweep
