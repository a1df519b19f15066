#include "results/folder_check.hpp"

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "results/folder_repair.hpp"
#include "results/results_file.hpp"
#include "tests/temporary_folder.hpp"

namespace results {
namespace {

namespace fs = std::filesystem;

using Records = std::vector<std::pair<RecordType, std::string>>;

std::string trial(TrialId id, protocol::Outcome status = protocol::Outcome::finished,
                  double score = 0.5) {
  return serialize(TrialRecord{.id = id, .status = status, .values = {{"score", score}}});
}

const PlanRecord plan_of_two = {.name = "a",
                                .config_text = "name: a\n",
                                .axes = {{.name = "seed", .values = {0, 1}}},
                                .ids = {1, 2},
                                .variables = {{"score", {}}}};

const Records small_sweep = {{RecordType::plan, serialize(plan_of_two)},
                             {RecordType::session, serialize(SessionRecord{.started = "today"})},
                             {RecordType::trial, trial(1)},
                             {RecordType::trial, trial(2)},
                             {RecordType::end, serialize(EndRecord{.reason = "finished"})}};

Records records_of(const fs::path& journal) {
  Records records;
  read_journal(journal, [&records](RecordType type, const std::string& payload) {
    records.emplace_back(type, payload);
  });
  return records;
}

/// The output folder of a sweep of two trials that has ended well.
class CheckFolder : public testing::Test {
 protected:
  CheckFolder() { write_sweep(small_sweep); }

  void write_sweep(const Records& records) {
    fs::remove(journal_);
    JournalWriter writer(journal_, 0);
    SweepResults sweep;
    for (const auto& [type, payload] : records) {
      writer.append(type, payload);
      if (payload.front() == '{') apply(sweep, type, payload);
    }
    write_bytes(path_ / "config.yaml", sweep.plan.config_text);
    write_results_file(sweep, path_ / "results.h5");
  }

  FolderReport check() const { return check_folder(path_, FolderUse::idle); }

  /// "file what" of all problems.
  std::string problems() const { return text_of(check().problems); }
  std::string notes() const { return text_of(check().notes); }

  static std::string text_of(const std::vector<Finding>& findings) {
    std::string text;
    for (const auto& finding : findings)
      text += finding.file + " " + finding.what + ", " + finding.hint + "\n";
    return text;
  }

  void expect_problem(const std::string& part) const {
    EXPECT_NE(problems().find(part), std::string::npos) << problems();
  }

  void expect_sound_after_repair() const {
    EXPECT_FALSE(repair_folder(path_).empty());
    EXPECT_EQ(problems(), "");
    EXPECT_TRUE(repair_folder(path_).empty()) << "nothing is left to repair";
  }

  TemporaryFolder folder_;
  fs::path path_ = folder_.path();
  fs::path journal_ = path_ / "journal";
};

TEST_F(CheckFolder, FindsNothingWhereAllIsWell) {
  const auto report = check();

  EXPECT_EQ(problems(), "");
  EXPECT_EQ(notes(), "");
  EXPECT_EQ(report.journal.num_records, 5U);
  EXPECT_TRUE(report.journal.is_sound());
}

TEST_F(CheckFolder, NamesAFolderWithoutAJournal) {
  fs::remove(journal_);

  EXPECT_THROW(check(), StorageError);
}

// --- every corruption of a journal, and its repair ---

/// The journal's bytes, and which record each belongs to.
class DamagedFolder : public CheckFolder {
 protected:
  DamagedFolder() {
    const auto marker = bytes_.substr(0, 8);
    for (auto next = bytes_.find(marker, 1); next != std::string::npos;
         next = bytes_.find(marker, next + 1)) {
      ends_.push_back(next);
    }
    ends_.push_back(bytes_.size());
  }

  /// 0: the format record; 1: small_sweep[0]; ...
  std::size_t record_at(std::size_t offset) const {
    return static_cast<std::size_t>(std::ranges::upper_bound(ends_, offset) - ends_.begin());
  }

  /// Repairs a journal of these bytes. All good records must be there, and the former bytes aside.
  void expect_repaired(const std::string& damaged, const Records& good) const {
    write_bytes(journal_, damaged);

    repair_folder(path_);

    const auto report = check_journal(journal_);
    EXPECT_TRUE(report.is_sound());
    EXPECT_EQ(records_of(journal_), good);
    EXPECT_EQ(read_bytes(path_ / "journal.damaged-1"), damaged);
    EXPECT_FALSE(fs::exists(path_ / "journal.new"));
    EXPECT_EQ(check().problems.empty(), report.has_plan() || report.sweep.trials.empty())
        << problems();
    fs::remove(path_ / "journal.damaged-1");
  }

  std::string bytes_ = read_bytes(journal_);
  std::vector<std::size_t> ends_;
};

TEST_F(DamagedFolder, EveryFlippedBitIsDetected) {
  for (std::size_t offset = 0; offset < bytes_.size(); ++offset) {
    for (int bit = 0; bit < 8; ++bit) {
      auto flipped = bytes_;
      flipped[offset] = static_cast<char>(flipped[offset] ^ (1 << bit));
      write_bytes(journal_, flipped);

      EXPECT_FALSE(check_journal(journal_).is_sound()) << "bit " << bit << " of byte " << offset;
    }
  }
}

TEST_F(DamagedFolder, RepairAfterAFlippedByteKeepsAllOtherRecords) {
  for (std::size_t offset = 0; offset < bytes_.size(); ++offset) {
    SCOPED_TRACE("byte " + std::to_string(offset));
    auto flipped = bytes_;
    flipped[offset] = static_cast<char>(flipped[offset] ^ 0x40);
    auto good = small_sweep;
    const auto hit = record_at(offset);
    if (hit > 0) good.erase(good.begin() + static_cast<long>(hit - 1));

    expect_repaired(flipped, good);
  }
}

TEST_F(DamagedFolder, RepairAfterACutKeepsAllWholeRecords) {
  for (std::size_t size = 1; size < bytes_.size(); ++size) {
    SCOPED_TRACE("cut to " + std::to_string(size) + " bytes");
    const auto num_whole = record_at(size);  // the format record counted
    const auto num_good = static_cast<long>(num_whole == 0 ? 0 : num_whole - 1);
    if (std::ranges::find(ends_, size) != ends_.end()) {
      write_bytes(journal_, bytes_.substr(0, size));
      EXPECT_TRUE(check_journal(journal_).is_sound()) << "as if it had been stopped there";
      continue;
    }

    expect_repaired(bytes_.substr(0, size),
                    Records(small_sweep.begin(), small_sweep.begin() + num_good));
  }
}

TEST_F(DamagedFolder, SaysWhichBytesAreLost) {
  auto flipped = bytes_;
  flipped[ends_[2] + 25] ^= 1;  // inside the payload of the first trial
  write_bytes(journal_, flipped);

  const auto size = ends_[3] - ends_[2];
  expect_problem("journal bytes " + std::to_string(ends_[2]) + " to " +
                 std::to_string(ends_[3] - 1) +
                 " are lost (the payload's checksum does not "
                 "match), " +
                 std::to_string(size) + " bytes, trials that they held run again");
}

TEST_F(DamagedFolder, SaysWhereATornTailBegins) {
  write_bytes(journal_, bytes_.substr(0, bytes_.size() - 1));

  const auto torn = bytes_.size() - 1 - ends_[4];
  expect_problem("journal ends with " + std::to_string(torn) +
                 " bytes of an unfinished record, from byte " + std::to_string(ends_[4]));
}

TEST_F(DamagedFolder, IsOnlyInformedOfATornTailWhileARunWrites) {
  write_bytes(journal_, bytes_.substr(0, bytes_.size() - 1));
  fs::remove(path_ / "results.h5");
  folder_.write("status.json.new", "{");

  const auto report = check_folder(path_, FolderUse::running);

  EXPECT_EQ(text_of(report.problems), "");
  EXPECT_NE(text_of(report.notes).find("normal while a run writes"), std::string::npos);
}

TEST_F(DamagedFolder, LosesNoTrialWithItsPlan) {
  auto flipped = bytes_;
  flipped[ends_[0] + 25] ^= 1;
  write_bytes(journal_, flipped);

  repair_folder(path_);

  expect_problem(
      "journal has lost its plan; its 2 trials are there, the next run of the same "
      "config continues with them");
}

// --- records that are sound ---

TEST_F(CheckFolder, FindsSoundRecordsThatSayNothing) {
  auto records = small_sweep;
  records.insert(records.begin() + 2, {RecordType::trial, R"({"id":"12"})"});
  records.insert(records.begin() + 2, {RecordType::trial, "no JSON"});
  fs::remove(journal_);
  JournalWriter writer(journal_, 0);
  for (const auto& [type, payload] : records)
    writer.append(type, payload);

  expect_problem("journal record 2 cannot be read (a trial record is no JSON");
  expect_problem("journal record 3 cannot be read ('12' is no trial");
  expect_sound_after_repair();
  EXPECT_EQ(records_of(journal_), small_sweep);
}

TEST_F(CheckFolder, FindsTrialsThatWereTrainedTwiceAndKeepsTheLatest) {
  auto records = small_sweep;
  records.insert(records.begin() + 2,
                 {RecordType::trial, trial(2, protocol::Outcome::finished, 0.25)});
  write_sweep(records);

  expect_problem("journal 1 trials were trained again after they had finished");
  expect_sound_after_repair();
  EXPECT_EQ(records_of(journal_), small_sweep);
}

TEST_F(CheckFolder, IsNotBotheredByTrialsThatWereTriedAgainAfterTheyFailed) {
  auto records = small_sweep;
  records.insert(records.begin() + 2, {RecordType::trial, trial(2, protocol::Outcome::failed)});
  write_sweep(records);

  EXPECT_EQ(problems(), "");
}

TEST_F(CheckFolder, KeepsRecordsOfKindsItDoesNotKnow) {
  auto records = small_sweep;
  records.insert(records.begin() + 2, {static_cast<RecordType>(77), "news"});
  records.insert(records.begin() + 2, {RecordType::end, "{"});
  fs::remove(journal_);
  {
    JournalWriter writer(journal_, 0);
    for (const auto& [type, payload] : records)
      writer.append(type, payload);
  }

  repair_folder(path_);

  records.erase(records.begin() + 2);
  EXPECT_EQ(records_of(journal_), records);
}

TEST_F(CheckFolder, MentionsTrialsThatLeftThePlan) {
  auto records = small_sweep;
  records.emplace_back(RecordType::trial, trial(3));
  write_sweep(records);

  EXPECT_EQ(problems(), "");
  EXPECT_NE(notes().find("journal holds 1 trials that are not in the plan"), std::string::npos);
}

// --- what follows from the journal ---

TEST_F(CheckFolder, FindsAMissingResultsFile) {
  fs::remove(path_ / "results.h5");

  expect_problem("results.h5 is missing");
  expect_sound_after_repair();
}

TEST_F(CheckFolder, FindsAResultsFileOfAnEarlierTime) {
  write_sweep({small_sweep.begin(), small_sweep.begin() + 3});
  JournalWriter(journal_, fs::file_size(journal_)).append(RecordType::trial, trial(2));
  fs::last_write_time(path_ / "results.h5",
                      fs::last_write_time(journal_) - std::chrono::seconds(1));

  expect_problem("results.h5 is older than the journal");
  expect_sound_after_repair();
}

TEST_F(CheckFolder, FindsAResultsFileThatIsNone) {
  folder_.write("results.h5", "lost+found");

  expect_problem("results.h5 is no HDF5 file");
  expect_sound_after_repair();
}

TEST_F(CheckFolder, FindsASingleFlippedByteOfTheResultsFile) {
  auto bytes = read_bytes(path_ / "results.h5");
  bytes[bytes.size() / 2] ^= 1;
  folder_.write("results.h5", bytes);

  expect_problem("results.h5 differs from what the journal gives");
  expect_sound_after_repair();
}

TEST_F(CheckFolder, FindsAConfigThatIsNotThatOfThePlan) {
  folder_.write("config.yaml", "name: b\n");

  expect_problem("config.yaml is not the config that the journal's plan was made from");
  expect_sound_after_repair();
  EXPECT_EQ(read_bytes(path_ / "config.yaml"), "name: a\n");
}

TEST_F(CheckFolder, FindsWhatAKilledRunLeftBehind) {
  for (const char* name :
       {"results.h5.new", "journal.new", "checkpoint-7.new", "checkpoint-8.new.4711"})
    folder_.write(name, "half");
  folder_.write("notes.new", "of a person");

  expect_problem("checkpoint-8.new.4711 was left");
  expect_problem("checkpoint-7.new was left by a run that was killed");
  expect_problem("journal.new was left");
  expect_problem("results.h5.new was left");
  expect_sound_after_repair();
  EXPECT_TRUE(fs::exists(path_ / "notes.new"));
}

TEST_F(CheckFolder, MentionsCheckpointsThatBelongToNobody) {
  folder_.write("checkpoint-7", "");

  EXPECT_EQ(problems(), "");
  EXPECT_NE(notes().find("checkpoint-7 belongs to no trial"), std::string::npos) << notes();
}

// --- repair ---

TEST_F(DamagedFolder, RepairKeepsEachDamagedJournalUnderANameOfItsOwn) {
  const auto first = bytes_.substr(0, bytes_.size() - 1);
  const auto second = bytes_.substr(0, bytes_.size() - 2);

  write_bytes(journal_, first);
  repair_folder(path_);
  write_bytes(journal_, second);
  repair_folder(path_);

  EXPECT_EQ(read_bytes(path_ / "journal.damaged-1"), first);
  EXPECT_EQ(read_bytes(path_ / "journal.damaged-2"), second);
  EXPECT_NE(notes().find("journal.damaged-2 is the journal as it was"), std::string::npos);
}

TEST_F(DamagedFolder, RepairPutsAFileAsideThatIsNoJournal) {
  write_bytes(journal_, "something else");
  expect_problem("journal is no journal of mpisweep");

  repair_folder(path_);

  EXPECT_FALSE(fs::exists(journal_));
  EXPECT_EQ(read_bytes(path_ / "journal.damaged-1"), "something else");
}

TEST_F(DamagedFolder, RepairTouchesNoJournalOfALaterVersion) {
  fs::remove(journal_);
  JournalWriter(journal_, 0)
      .append(RecordType::format, R"({"format":"mpisweep journal","version":2})");
  const auto bytes = read_bytes(journal_);

  EXPECT_THROW(repair_folder(path_), StorageError);

  EXPECT_EQ(read_bytes(journal_), bytes);
}

}  // namespace
}  // namespace results
