#pragma once

#include <string>

#include "sweep/devices.hpp"

namespace sweep {

struct BenchOptions {
  DeviceChoice device = DeviceChoice::automatic;
  int ranks = 1;                      ///< trainers at work at the same time, >= 1
  int epochs = 10;                    ///< of each measurement, >= 1
  std::string precision = "float32";  ///< as in a config
  bool as_json = false;
};

/// `mpisweep bench`: trial-steps per second of the trainer on this machine, by loss and pack width,
/// on generated data. Needs no MPI, no files and no network.
int bench_command(const BenchOptions& options);

}  // namespace sweep
