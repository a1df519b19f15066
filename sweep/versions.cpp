#include "sweep/versions.hpp"

#include <iostream>
#include <memory>

#include <fmt/format.h>

#include "results/results_file.hpp"
#include "sweep/comm.hpp"
#include "sweep/prepare.hpp"
#include "version.hpp"

namespace sweep {
namespace {

/// "libtorch 2.11.0", or why the built-in trainer does not say.
std::string trainer_version() {
  try {
    TrainerChoice start{.device = DeviceChoice::cpu};
    std::unique_ptr<TrainerProcess> trainer;
    return start_first_trainer(start, trainer).trainer;
  } catch (const std::exception& error) {
    return std::string("unknown (") + error.what() + ")";
  }
}

}  // namespace

void print_versions() {
  std::cout << version_line() << '\n'
            << "trainer: " << trainer_version() << '\n'
            << "MPI: " << mpi_version() << '\n'
            << "HDF5: " << results::hdf5_version() << '\n';
}

std::string version_line() {
  return fmt::format("mpisweep {} ({})", version::kVersion, version::kGitCommit);
}

std::map<std::string, std::string> versions(const std::string& trainer) {
  return {{"mpisweep", std::string(version::kVersion)},
          {"git_commit", std::string(version::kGitCommit)},
          {"trainer", trainer},
          {"mpi", mpi_version()},
          {"hdf5", results::hdf5_version()}};
}

}  // namespace sweep
