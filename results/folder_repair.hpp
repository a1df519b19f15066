#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// Makes an output folder whole again.
namespace results {

/// Keeps all that is good, and tells what it did, a sentence for each file that it changed: writes
/// the journal anew from its good records and keeps the damaged one as `journal.damaged-1` (or the
/// next free number), brings results.h5 and config.yaml up to date, removes temporary files.
///
/// The caller holds the folder's lock. Each file is replaced in one step: killed at any moment, it
/// leaves a folder that another repair, or a run, finishes.
/// Throws: StorageError; nothing that was good is lost then.
std::vector<std::string> repair_folder(const std::filesystem::path& folder);

}  // namespace results
