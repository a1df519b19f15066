#include "sweep/recorder.hpp"

#include <utility>

#include "results/results_file.hpp"

namespace sweep {
namespace {

constexpr std::chrono::milliseconds kSyncPause{500};
constexpr std::chrono::seconds kWritePause{60};

/// Reads the journal into `sweep` and returns its condition.
results::JournalCondition read_into(results::SweepResults& sweep,
                                    const std::filesystem::path& path) {
  return results::read_journal(path,
                               [&sweep](results::RecordType type, const std::string& payload) {
                                 results::apply(sweep, type, payload);
                               });
}

}  // namespace

Recorder::Recorder(const std::filesystem::path& folder)
    : folder_(folder),
      condition_(read_into(results_, folder / "journal")),
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

void Recorder::tick() {
  const auto now = Clock::now();
  if (now - last_sync_ >= kSyncPause) {
    journal_.sync();
    last_sync_ = now;
  }
  if (has_unwritten_results_ && now - last_write_ >= kWritePause) write_results();
}

void Recorder::finish() {
  journal_.sync();
  if (has_unwritten_results_ || is_results_file_missing()) write_results();
}

void Recorder::write_results() {
  results::write_results_file(results_, folder_ / "results.h5");
  has_unwritten_results_ = false;
  last_write_ = Clock::now();
}

bool Recorder::is_results_file_missing() const {
  std::error_code error;
  return !std::filesystem::exists(folder_ / "results.h5", error);
}

}  // namespace sweep
