#pragma once

#include <cstddef>
#include <cstdint>

#include "sweep/waiting_packs.hpp"

/// A sweep on a machine of any size, in which nobody trains: the real schedule decides, and events
/// follow each other without a clock.
namespace sweep {

/// The sweep, the machine and what goes wrong.
struct SimulatedSweep {
  std::size_t num_trials = 0;
  std::size_t num_combinations = 1;  ///< with equal numbers of trials
  std::size_t pack_width = 8;
  int num_workers = 4;
  double spread = 1;          ///< the longest trial by the shortest; lengths are log-uniform
  double hint_error = 1;      ///< hints are too large or too small by up to this factor
  double noise = 0;           ///< relative, of one pack to the next of its combination
  double fixed_trials = 0.1;  ///< what a pack takes beyond its trials, in trials
  double loss_rate = 0;       ///< share of packs whose trainer dies on the way
  std::uint64_t seed = 1;
};

/// What became of it.
struct Simulation {
  double utilization = 0;  ///< busy by allocated; what is trained again is busy, too
  double span_s = 0;       ///< from the first pack to the end of the last, in time of the sweep
  double work_s = 0;       ///< of all packs
  std::size_t num_finished = 0;  ///< trials
  std::size_t num_given_up = 0;  ///< trials
  std::size_t num_packs = 0;     ///< lent
  double own_s = 0;              ///< that the schedule itself took, on this machine
};

/// Trials of a mean length of 1 s.
Simulation simulate(const SimulatedSweep& sweep);

/// The same sweep without a cost model: packs in grid order, none is cut.
Simulation simulate_plan_order(const SimulatedSweep& sweep);

}  // namespace sweep
