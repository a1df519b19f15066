#pragma once

#include <map>
#include <string>

#include "results/records.hpp"
#include "sweep/coordinator.hpp"
#include "sweep/status_file.hpp"

/// Sentences about a run, for people. Nothing is printed here.
namespace sweep {

/// "3 loss × 4 seed × 3 learning_rate = 36 trials"
std::string describe_plan(const results::PlanRecord& plan);

/// "4 ranks on node1: 2 × cuda:0 (H100), 2 × cuda:1 (H100)"
std::string describe_workers(const std::map<int, Coordinator::WorkerState>& workers);

/// "held back   3 packs (12 trials): the shortest takes 1:20, 45.0 s left to train"; empty if
/// none is.
std::string describe_held_back(const HeldBack& held);

/// "Slurm jobs   4711 on n[1-2], 4712 on n1 (restart 2)"; empty if there are none.
std::string describe_slurm_jobs(const std::vector<results::SlurmJob>& jobs);

/// One line per failed trial that the status names, and how many more there are.
std::string describe_failed(const SweepStatus& status);

}  // namespace sweep
