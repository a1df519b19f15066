#include "results/folder_check.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

#include "results/results_file.hpp"

namespace results {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlockBytes = std::size_t{4} << 20;
constexpr std::string_view kHdf5Signature = "\x89HDF\r\n\x1a\n";

constexpr const char* kWrittenByNextRun = "the next run writes it, and so does --repair";

/// Reads a journal record by record and judges each.
class JournalReader {  // NOLINT(bugprone-exception-escape): moving JSON throws nothing
 public:
  void read(RecordType type, const std::string& payload) {
    const auto index = report_.num_records++;
    try {
      if (type == RecordType::trial) note_repetition(parse_trial(payload), index);
      if (type == RecordType::pack) parse_pack(payload);
      apply(report_.sweep, type, payload);
    } catch (const StorageError& error) {
      report_.unreadable_records.insert(index);
      report_.unreadable.push_back(
          fmt::format("record {} cannot be read ({})", index, error.what()));
    }
  }

  JournalReport take(JournalCondition condition) {
    report_.condition = std::move(condition);
    return std::move(report_);
  }

 private:
  /// A trial is tried again only if it failed.
  void note_repetition(const TrialRecord& trial, std::size_t index) {
    const auto* former = report_.sweep.find(trial.id);
    if (former != nullptr && former->status != protocol::Outcome::failed) {
      report_.repeated_records.insert(latest_[trial.id]);
    }
    latest_[trial.id] = index;
  }

  JournalReport report_ = {};
  std::unordered_map<TrialId, std::size_t> latest_ = {};  // record of each trial
};

bool holds(const File& file, std::string_view bytes) {
  if (file.size_bytes() != bytes.size()) return false;
  std::string block(std::min(kBlockBytes, bytes.size()), '\0');
  for (std::size_t offset = 0; offset < bytes.size(); offset += block.size()) {
    const auto expected = bytes.substr(offset, block.size());
    if (file.read_at(offset, block) < expected.size()) return false;
    if (std::string_view(block).substr(0, expected.size()) != expected) return false;
  }
  return true;
}

std::string read_start(const File& file, std::size_t size_bytes) {
  std::string start(size_bytes, '\0');
  start.resize(file.read_at(0, start));
  return start;
}

bool is_older(const fs::path& file, const fs::path& than) {
  std::error_code error;
  const auto time = fs::last_write_time(file, error);
  return !error && time < fs::last_write_time(than, error) && !error;
}

bool is_temporary(const std::string& name) {
  // Trainers add their process: "checkpoint-<key>.new.<process>".
  if (name.starts_with("checkpoint-")) return name.find(".new") != std::string::npos;
  if (!name.ends_with(".new")) return false;
  return name == "journal.new" || name == "results.h5.new" || name == "config.yaml.new" ||
         name == "status.json.new" || name == "widths.json.new" ||
         name.starts_with("journal.damaged-");
}

std::vector<std::string> files_of(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

/// Gathers what is to be told of one folder.
class FolderReader {
 public:
  FolderReader(const fs::path& folder, FolderUse use) : folder_(folder), use_(use) {
    report_.journal = check_journal(folder / "journal");
  }

  FolderReport read() {
    tell_journal();
    tell_trials();
    if (use_ == FolderUse::idle) {
      tell_views();
      for (const auto& name : temporary_files(folder_))
        problem(name, "was left by a run that was killed", "--repair removes it");
    }
    tell_other_files();
    return std::move(report_);
  }

 private:
  const SweepResults& sweep() const { return report_.journal.sweep; }

  void problem(const std::string& file, std::string what, std::string hint = "") {
    report_.problems.push_back({file, std::move(what), std::move(hint)});
  }

  void note(const std::string& file, std::string what, std::string hint = "") {
    report_.notes.push_back({file, std::move(what), std::move(hint)});
  }

  void tell_journal() {
    const auto& journal = report_.journal;
    if (!journal.is_journal) {
      problem("journal", "is no journal of mpisweep", "--repair puts it aside");
    }
    for (const auto& damage : journal.condition.damages) {
      problem("journal", describe(damage) + fmt::format(", {} bytes", damage.size_bytes),
              "trials that they held run again at the next run");
    }
    if (journal.condition.torn_bytes > 0) tell_torn_tail();
    for (const auto& sentence : journal.unreadable)
      problem("journal", sentence, "--repair leaves it out");
    if (!journal.repeated_records.empty()) {
      problem("journal",
              fmt::format("{} trials were trained again after they had finished",
                          journal.repeated_records.size()),
              "the latest counts, --repair leaves the others out");
    }
  }

  void tell_torn_tail() {
    const auto& condition = report_.journal.condition;
    const auto what = fmt::format("ends with {} bytes of an unfinished record, from byte {}",
                                  condition.torn_bytes, condition.good_bytes);
    if (use_ == FolderUse::running) {
      note("journal", what, "normal while a run writes");
    } else {
      problem("journal", what, "the next run cuts them, and so does --repair");
    }
  }

  void tell_trials() {
    const auto num_trials = sweep().num_ended;
    const auto counts = count(sweep());
    const auto num_planned = counts.finished + counts.diverged + counts.failed;
    if (!report_.journal.has_plan()) {
      if (num_trials == 0) {
        note("journal", "holds no plan and no trial", "the next run begins");
        return;
      }
      problem("journal", fmt::format("has lost its plan; its {} trials are there", num_trials),
              "the next run of the same config continues with them, until then results.h5 cannot "
              "be rebuilt");
    } else if (num_trials > num_planned) {
      note("journal",
           fmt::format("holds {} trials that are not in the plan", num_trials - num_planned),
           "they count again when a config names them");
    }
  }

  void tell_views() {
    if (!report_.journal.has_plan()) return;
    if (const auto flaw = flaw_of_results_file(folder_, sweep()); !flaw.empty()) {
      problem("results.h5", flaw, kWrittenByNextRun);
    }
    if (!is_config_of_plan(folder_, sweep().plan)) {
      problem("config.yaml", "is not the config that the journal's plan was made from",
              kWrittenByNextRun);
    }
  }

  void tell_other_files() {
    const auto counts = count(sweep());
    const bool is_done = report_.journal.has_plan() && counts.pending() == 0;
    for (const auto& name : files_of(folder_)) {
      if (name.starts_with("journal.damaged-") && !is_temporary(name)) {
        note(name, "is the journal as it was before a repair", "remove it when all is well");
      }
      if (name.starts_with("checkpoint-") && !is_temporary(name) && is_done) {
        note(name, "belongs to no trial, all have ended", "it may be removed");
      }
    }
  }

  const fs::path& folder_;
  FolderUse use_;
  FolderReport report_ = {};
};

}  // namespace

bool JournalReport::is_sound() const {
  return is_journal && condition.damages.empty() && condition.torn_bytes == 0 &&
         unreadable_records.empty() && repeated_records.empty();
}

JournalReport check_journal(const fs::path& path) {
  JournalReader reader;
  try {
    return reader.take(read_journal(path, [&reader](RecordType type, const std::string& payload) {
      reader.read(type, payload);
    }));
  } catch (const NotAJournal&) {
    return {.is_journal = false};
  }
}

FolderReport check_folder(const fs::path& folder, FolderUse use) {
  require_journal(folder);
  return FolderReader(folder, use).read();
}

void require_journal(const fs::path& folder) {
  if (fs::exists(folder / "journal")) return;
  throw StorageError("no results in " + folder.string() + " (there is no " +
                     (folder / "journal").string() +
                     "), name the folder that `mpisweep run` wrote");
}

std::string flaw_of_results_file(const fs::path& folder, const SweepResults& sweep) {
  const auto path = folder / "results.h5";
  if (!fs::exists(path)) return "is missing";
  std::optional<File> file;
  try {
    file.emplace(path, O_RDONLY);
    if (holds(*file, results_file_bytes(sweep))) return "";
    if (read_start(*file, kHdf5Signature.size()) != kHdf5Signature) return "is no HDF5 file";
  } catch (const StorageError& error) {
    return fmt::format("cannot be compared ({})", error.what());
  }
  return is_older(path, folder / "journal")
             ? "is older than the journal, its run was killed"
             : "differs from what the journal gives (damaged, or written by another version)";
}

bool is_config_of_plan(const fs::path& folder, const PlanRecord& plan) {
  const auto path = folder / "config.yaml";
  return fs::is_regular_file(path) && holds(File(path, O_RDONLY), plan.config_text);
}

std::vector<std::string> temporary_files(const fs::path& folder) {
  auto names = files_of(folder);
  std::erase_if(names, [](const std::string& name) { return !is_temporary(name); });
  return names;
}

}  // namespace results
