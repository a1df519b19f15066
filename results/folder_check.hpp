#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "results/sweep_results.hpp"

/// What is wrong with an output folder. Reads only.
namespace results {

/// What reading a whole journal found. Records are counted from 0, as read_journal() gives them.
struct JournalReport {
  JournalCondition condition = {};
  bool is_journal = true;
  std::size_t num_records = 0;
  std::vector<std::string> unreadable = {};       ///< a sentence for each of `unreadable_records`
  std::set<std::size_t> unreadable_records = {};  ///< sound, but what they say makes no sense
  std::set<std::size_t> repeated_records = {};    ///< of trials that finished again later
  SweepResults sweep = {};                        ///< what all other records say

  bool has_plan() const { return !sweep.plan.ids.empty(); }
  bool is_sound() const;
};

/// Throws: StorageError if the file cannot be read or is of a version that we do not know.
JournalReport check_journal(const std::filesystem::path& path);

/// One thing to be told of a folder.
struct Finding {
  std::string file = {};  ///< its name in the folder
  std::string what = {};  ///< the rest of a sentence: "is missing"
  std::string hint = {};  ///< may be empty
};

struct FolderReport {
  JournalReport journal = {};
  std::vector<Finding> problems = {};
  std::vector<Finding> notes = {};  ///< for information, nothing is wrong
};

enum class FolderUse { idle, running };

/// While a run writes to the folder only that is judged which cannot be in the middle of a change.
/// Throws: StorageError if there is no journal, or it cannot be read or is of a version that we do
/// not know.
FolderReport check_folder(const std::filesystem::path& folder, FolderUse use);

/// What stands in the way of results.h5 being what the journal gives, "is missing" say; empty if
/// nothing does. Compares all bytes with a file built anew, since the same sweep gives the same
/// bytes: a file of another version of mpisweep or HDF5 may hold the same values and differ.
std::string flaw_of_results_file(const std::filesystem::path& folder, const SweepResults& sweep);

/// Whether config.yaml is what the plan was made from.
bool is_config_of_plan(const std::filesystem::path& folder, const PlanRecord& plan);

/// Throws: StorageError if the folder holds no journal, so that nothing of ours is in it.
void require_journal(const std::filesystem::path& folder);

/// Files that exist only while another one is replaced; names, sorted.
std::vector<std::string> temporary_files(const std::filesystem::path& folder);

}  // namespace results
