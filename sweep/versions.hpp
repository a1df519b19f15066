#pragma once

#include <map>
#include <string>

namespace sweep {

/// For `mpisweep --version`: ours, and those of the libraries and of the built-in trainer.
void print_versions();

/// "mpisweep 0.1.0 (3f2a91c)"
std::string version_line();

/// What a result's record names: mpisweep, git_commit, trainer (as it calls itself), mpi, hdf5.
std::map<std::string, std::string> versions(const std::string& trainer);

}  // namespace sweep
