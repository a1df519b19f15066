#include "sweep/recorder.hpp"

#include <algorithm>
#include <utility>

#include "results/results_file.hpp"

namespace sweep {
namespace {

constexpr std::chrono::milliseconds kSyncPause{500};
constexpr std::chrono::seconds kWritePause{60};

using Keys = std::vector<std::uint64_t>;
using Packs = std::vector<results::PackRecord>;

/// Keeps the latest record of each key that was asked for.
void keep(results::PackRecord pack, const Keys& keys, Packs& packs) {
  if (std::ranges::find(keys, pack.key) == keys.end()) return;
  std::erase_if(packs, [&](const auto& other) { return other.key == pack.key; });
  packs.push_back(std::move(pack));
}

/// Reads the journal into `sweep` and `packs` and returns its condition. Errors of a record name
/// the journal and the way out.
results::JournalCondition read_into(results::SweepResults& sweep, const Keys& keys, Packs& packs,
                                    const std::filesystem::path& path) {
  const auto take = [&](results::RecordType type, const std::string& payload) {
    results::apply(sweep, type, payload);
    if (type == results::RecordType::pack && !keys.empty()) {
      keep(results::parse_pack(payload), keys, packs);
    }
  };
  return results::read_journal(path, [&](results::RecordType type, const std::string& payload) {
    try {
      take(type, payload);
    } catch (const results::StorageError& error) {
      throw results::StorageError("cannot read " + path.string() + " (" + error.what() +
                                  "), `mpisweep check " + path.parent_path().string() +
                                  " --repair` keeps the rest");
    }
  });
}

}  // namespace

Recorder::Recorder(const std::filesystem::path& folder, const Keys& checkpoints)
    : folder_(folder),
      condition_(read_into(results_, checkpoints, saved_packs_, folder / "journal")),
      journal_(folder / "journal", condition_.good_bytes) {}

void Recorder::append(results::RecordType type, const std::string& payload) {
  journal_.append(type, payload);
  results::apply(results_, type, payload);
  has_unwritten_results_ = true;
}

void Recorder::record(results::PlanRecord plan) {
  if (plan == results_.plan) return;
  journal_.append(results::RecordType::plan, results::serialize(plan));
  results::apply(results_, std::move(plan));
  has_unwritten_results_ = true;
}

void Recorder::record(const results::SessionRecord& session) {
  append(results::RecordType::session, results::serialize(session));
}

void Recorder::record(const results::TrialRecord& trial) {
  journal_.append(results::RecordType::trial, results::serialize(trial));
  results::apply(results_, trial);
  has_unwritten_results_ = true;
}

void Recorder::record(const results::EndRecord& end) {
  append(results::RecordType::end, results::serialize(end));
}

/// Says where a trial is, not what it learned: no reason to write results.h5 again.
void Recorder::record(const results::PackRecord& pack) {
  journal_.append(results::RecordType::pack, results::serialize(pack));
}

void Recorder::sync() {
  journal_.sync();
  last_sync_ = Clock::now();
}

void Recorder::tick() {
  const auto now = Clock::now();
  if (now - last_sync_ >= kSyncPause) {
    journal_.check_place();
    sync();
  }
  if (has_unwritten_results_ && now - last_write_ >= kWritePause) write_results();
}

void Recorder::finish() {
  journal_.check_place();
  journal_.sync();
  if (has_unwritten_results_ || is_results_file_behind()) write_results();
}

void Recorder::write_results() {
  last_write_ = Clock::now();
  try {
    results::write_results_file(results_, folder_ / "results.h5");
    has_unwritten_results_ = false;
    results_trouble_.clear();
  } catch (const results::StorageError& error) {
    results_trouble_ = error.what();
  }
}

/// Missing, or older than the journal: its run was killed before it could write it.
bool Recorder::is_results_file_behind() const {
  std::error_code error;
  const auto written = std::filesystem::last_write_time(folder_ / "results.h5", error);
  return error || written < std::filesystem::last_write_time(folder_ / "journal");
}

}  // namespace sweep
