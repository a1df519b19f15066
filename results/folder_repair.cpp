#include "results/folder_repair.hpp"

#include <fmt/format.h>

#include "results/folder_check.hpp"
#include "results/results_file.hpp"

namespace results {
namespace {

namespace fs = std::filesystem;

/// folder/journal.damaged-<number>
fs::path name_aside(const fs::path& journal, int number) {
  auto path = journal;
  path += ".damaged-" + std::to_string(number);
  return path;
}

/// For file systems without hard links.
void copy_whole(const fs::path& from, const fs::path& to) {
  auto temporary = to;
  temporary += ".new";
  std::error_code error;
  fs::copy_file(from, temporary, error);
  if (error) {
    throw StorageError("cannot copy " + from.string() + " to " + temporary.string() +
                       describe_system_error(error.value()));
  }
  replace_file(temporary, to);
}

/// Gives a journal a second name that stays when the first one goes to another file. Returns it.
fs::path keep_aside(const fs::path& journal) {
  int number = 1;
  while (fs::exists(name_aside(journal, number))) {
    // A repair that was killed may have come this far.
    if (fs::equivalent(name_aside(journal, number), journal)) return name_aside(journal, number);
    ++number;
  }
  auto aside = name_aside(journal, number);
  std::error_code error;
  fs::create_hard_link(journal, aside, error);
  if (error) {
    copy_whole(journal, aside);
  } else {
    sync_folder_of(aside);
  }
  return aside;
}

/// Copies the good records of a journal. Returns how many.
std::size_t write_good_records(const fs::path& journal, const JournalReport& report,
                               const fs::path& target) {
  JournalWriter writer(target, 0);
  std::size_t index = 0;
  std::size_t num_kept = 0;
  read_journal(journal, [&](RecordType type, const std::string& payload) {
    const auto current = index++;
    if (report.unreadable_records.contains(current)) return;
    if (report.repeated_records.contains(current)) return;
    writer.append(type, payload);
    ++num_kept;
  });
  writer.sync();
  return num_kept;
}

/// Returns what was done.
std::string repair_journal(const fs::path& journal, const JournalReport& report) {
  if (!report.is_journal) {
    const auto aside = keep_aside(journal);
    fs::remove(journal);
    return fmt::format("journal was none, it is kept as {}; the next run begins anew",
                       aside.filename().string());
  }
  auto temporary = journal;
  temporary += ".new";
  try {
    const auto num_kept = write_good_records(journal, report, temporary);
    const auto aside = keep_aside(journal);
    replace_file(temporary, journal);
    return fmt::format("journal holds its {} good records, the damaged one is kept as {}", num_kept,
                       aside.filename().string());
  } catch (const StorageError&) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

}  // namespace

std::vector<std::string> repair_folder(const fs::path& folder) {
  std::vector<std::string> done;
  for (const auto& name : temporary_files(folder)) {
    fs::remove(folder / name);
    done.push_back(name + " is removed");
  }
  const auto report = check_journal(folder / "journal");
  if (!report.is_sound()) done.push_back(repair_journal(folder / "journal", report));
  if (!report.has_plan()) return done;
  if (!is_config_of_plan(folder, report.sweep.plan)) {
    replace_content(folder / "config.yaml", report.sweep.plan.config_text);
    done.emplace_back("config.yaml is written anew");
  }
  if (!flaw_of_results_file(folder, report.sweep).empty()) {
    write_results_file(report.sweep, folder / "results.h5");
    done.emplace_back("results.h5 is written anew");
  }
  return done;
}

}  // namespace results
