#pragma once

#include <filesystem>
#include <string>

#include "results/hdf5_file.hpp"  // hdf5_version() for callers
#include "results/sweep_results.hpp"

namespace results {

/// The bytes of results.h5 for a sweep. The same sweep gives the same bytes.  Throws: StorageError.
std::string results_file_bytes(const SweepResults& sweep);

/// Writes results.h5, the netCDF-4 compatible view of a sweep: to a temporary name in the same
/// folder, synced, then renamed, so that a reader never sees half a file. The same sweep gives the
/// same bytes. Layout: README.md in this folder.
///
/// A declared variable holds NaN for a trial that reported nothing, or something of another shape.
/// Throws: StorageError with the path and the cause; the former file is then still there.
void write_results_file(const SweepResults& sweep, const std::filesystem::path& path);

}  // namespace results
