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

/// Which ranks train on what, the output folder behind it. Nodes that are alike share a line, and
/// there are few lines however many ranks there are:
///     8 ranks on n[1-2]: 4 × NVIDIA H100 (GPU 0-3) on each   output: out/digits
/// or
///     6 ranks on 2 nodes   output: out/digits
///       n1: 4 × NVIDIA H100 (GPU 0-3)
///       n2: 2 × NVIDIA A100 (GPU 1,3)
std::string describe_workers(const std::map<int, Coordinator::WorkerState>& workers,
                             const std::string& output);

/// One of them, for the log: "NVIDIA H100 (GPU 3) on n1".
std::string describe_worker(const Coordinator::WorkerState& worker);

/// ", 4 packs saved"; nothing if there are none
std::string describe_saved(std::size_t num_packs);

/// "stopped by signal 15"; for want of time if it is 0.
std::string describe_stop(int signal);

/// "held back   3 packs (12 trials): the shortest takes 1:20, 45.0 s left to train"; empty if
/// none is.
std::string describe_held_back(const HeldBack& held);

/// "Slurm jobs   4711 on n[1-2], 4712 on n1 (restart 2)"; empty if there are none.
std::string describe_slurm_jobs(const std::vector<results::SlurmJob>& jobs);

/// One line per failed trial that the status names, and how many more there are.
std::string describe_failed(const SweepStatus& status);

}  // namespace sweep
