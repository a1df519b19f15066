#pragma once

#include <memory>
#include <stdexcept>

#include "results/records.hpp"
#include "sweep/config.hpp"
#include "sweep/devices.hpp"
#include "sweep/grid.hpp"
#include "sweep/trainer_process.hpp"

namespace sweep {

/// The config cannot be run. what() holds all problems, a line for each, to be printed as they are.
class ConfigError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Which config, and what the command line says about it.
struct SweepChoice {
  std::filesystem::path config = {};
  std::vector<std::string> overrides = {};  ///< of --set
  DeviceChoice device = DeviceChoice::automatic;
  std::filesystem::path output = {};  ///< folder of the results; empty: out/<name>
  bool may_make_output = true;        ///< for what the trainer measures of a GPU
};

/// How the trainers of a sweep start.
struct TrainerChoice {
  TrainerCommand trainer = {};
  DeviceChoice device = DeviceChoice::cpu;
  double trial_timeout_s = 0;  ///< longest silence of a trainer with a pack; 0: any
};

/// A config that its trainer has judged: everything a run needs to know.
struct PreparedSweep {
  Config config = {};                      ///< without its grid, which became trials
  Grid grid = {};                          ///< without its axes, which the plan has
  std::vector<results::TrialId> ids = {};  ///< per trial of the grid
  std::vector<int> pack_widths = {};       ///< per combination, >= 1
  std::vector<double> memory_bytes = {};   ///< per combination, of one pack; 0: unknown
  std::vector<double> costs = {};          ///< per combination, of one trial, relative; > 0
  results::PlanRecord plan = {};
  TrainerChoice start = {};                      ///< `device` is cpu or cuda
  protocol::Ready ready = {};                    ///< what the trainer says of itself
  std::unique_ptr<TrainerProcess> trainer = {};  ///< the one that was asked, still warm
};

/// Reads the config, expands its grid and asks the trainer about every combination of settings.
/// With `automatic`, a trainer that cannot use the first GPU is asked to use the CPU, and
/// `start.device` says so. `ahead` is a trainer that nobody has greeted, or null.
/// Throws: ConfigError with all problems; protocol::ProtocolError if the trainer does not answer.
PreparedSweep prepare_sweep(const SweepChoice& choice,
                            std::unique_ptr<TrainerProcess> ahead = nullptr);

/// Starts a trainer, unless `trainer` is one that nobody has greeted, and asks what it can do.
/// `start.device` becomes cpu or cuda. `cache` is the file for what it measures of a GPU, empty if
/// it is to measure nothing. Throws:
/// protocol::ProtocolError with the trainer's own reason.
protocol::Ready start_first_trainer(TrainerChoice& start, std::unique_ptr<TrainerProcess>& trainer,
                                    const std::filesystem::path& cache = {});

}  // namespace sweep
