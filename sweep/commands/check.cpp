#include "sweep/commands/check.hpp"

#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "results/folder_check.hpp"
#include "results/folder_repair.hpp"
#include "sweep/exit_code.hpp"
#include "sweep/folder_lock.hpp"
#include "sweep/status_file.hpp"

namespace sweep {
namespace {

using Json = nlohmann::json;
using results::Finding;

/// What one `mpisweep check` tells.
struct Answer {
  std::filesystem::path folder = {};
  std::vector<std::string> repairs = {};
  std::string user = {};  ///< the run that holds the folder; empty if none does
  results::FolderReport report = {};

  bool is_sound() const { return report.problems.empty(); }
};

bool is_status_unreadable(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / "status.json") && !read_status(folder);
}

std::vector<std::string> repair(const std::filesystem::path& folder) {
  const FolderLock lock(folder, kLockPatience);
  auto done = results::repair_folder(folder);
  if (is_status_unreadable(folder)) {
    std::filesystem::remove(folder / "status.json");
    done.emplace_back("status.json is removed");
  }
  return done;
}

Answer examine(const std::filesystem::path& folder) {
  const bool is_used = is_in_use(folder, kLockPatience);
  const auto holder = describe_holder(folder);
  Answer answer = {.folder = folder,
                   .user = is_used ? holder : "",
                   .report = check_folder(
                       folder, is_used ? results::FolderUse::running : results::FolderUse::idle)};
  if (is_status_unreadable(folder)) {
    answer.report.problems.push_back(
        {"status.json", "cannot be read", "the next run writes it, --repair removes it"});
  }
  if (!is_used && !holder.empty()) {
    answer.report.problems.push_back({"lock", "was left by a run that died (" + holder + ")",
                                      "the next run takes over, and so does --repair"});
  }
  return answer;
}

Json to_json(const std::vector<Finding>& findings) {
  auto list = Json::array();
  for (const auto& [file, what, hint] : findings)
    list.push_back({{"file", file}, {"what", what}, {"hint", hint}});
  return list;
}

std::string to_json_text(const Answer& answer) {
  const auto& journal = answer.report.journal;
  auto damages = Json::array();
  for (const auto& damage : journal.condition.damages) {
    damages.push_back(
        {{"offset", damage.offset}, {"size_bytes", damage.size_bytes}, {"reason", damage.reason}});
  }
  return Json{{"folder", answer.folder.string()},
              {"sound", answer.is_sound()},
              {"in_use_by", answer.user},
              {"repairs", answer.repairs},
              {"problems", to_json(answer.report.problems)},
              {"notes", to_json(answer.report.notes)},
              {"records", journal.num_records},
              {"trials", journal.sweep.num_ended},
              {"damages", damages},
              {"torn_bytes", journal.condition.torn_bytes}}
             .dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) +
         "\n";
}

std::string to_line(const Finding& finding) {
  return fmt::format("{} {}{}{}\n", finding.file, finding.what, finding.hint.empty() ? "" : ", ",
                     finding.hint);
}

std::string to_text(const Answer& answer) {
  std::string text;
  for (const auto& sentence : answer.repairs)
    text += "repaired: " + sentence + "\n";
  for (const auto& finding : answer.report.problems)
    text += "problem: " + to_line(finding);
  for (const auto& finding : answer.report.notes)
    text += "note: " + to_line(finding);
  if (!answer.user.empty()) {
    text += fmt::format("in use ({}): only what a run does not change is judged\n", answer.user);
  }
  const auto& journal = answer.report.journal;
  const auto count = answer.report.problems.size();
  text += fmt::format("{}: {}, {} records of {} trials\n", answer.folder.string(),
                      count == 0   ? "sound"
                      : count == 1 ? "1 problem"
                                   : fmt::format("{} problems", count),
                      journal.num_records, journal.sweep.num_ended);
  return text;
}

}  // namespace

int check_command(const CheckOptions& options) {
  try {
    results::require_journal(options.folder);
    std::vector<std::string> repairs;
    if (options.should_repair) repairs = repair(options.folder);
    auto answer = examine(options.folder);
    answer.repairs = std::move(repairs);
    std::cout << (options.as_json ? to_json_text(answer) : to_text(answer)) << std::flush;
    return to_int(answer.is_sound() ? ExitCode::success : ExitCode::sweep_failed);
  } catch (const FolderBusy& error) {
    std::cerr << "mpisweep: " << error.what() << '\n';
    return to_int(ExitCode::folder_busy);
  }
}

}  // namespace sweep
