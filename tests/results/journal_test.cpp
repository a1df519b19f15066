#include "results/journal.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/results/file_size_limit.hpp"
#include "tests/temporary_folder.hpp"

namespace results {
namespace {

using Records = std::vector<std::pair<RecordType, std::string>>;

const Records three_records = {
    {RecordType::plan, R"({"name":"small"})"},
    {RecordType::trial, R"({"id":"0123456789abcdef","values":{"x":0.5}})"},
    {RecordType::end, R"({"reason":"finished"})"}};

struct Contents {
  Records records;
  JournalCondition condition;
};

Contents contents_of(const std::filesystem::path& path) {
  Contents contents;
  contents.condition = read_journal(path, [&](RecordType type, const std::string& payload) {
    contents.records.emplace_back(type, payload);
  });
  return contents;
}

void append_all(const std::filesystem::path& path, const Records& records,
                std::uint64_t good_bytes = 0) {
  JournalWriter writer(path, good_bytes);
  for (const auto& [type, payload] : records)
    writer.append(type, payload);
}

/// Where each record of a journal ends: the format record first.
std::vector<std::size_t> ends_of_records(const std::string& bytes) {
  std::vector<std::size_t> ends;
  const auto marker = bytes.substr(0, 8);
  for (auto next = bytes.find(marker, 1); next != std::string::npos;
       next = bytes.find(marker, next + 1)) {
    ends.push_back(next);
  }
  ends.push_back(bytes.size());
  return ends;
}

/// The bytes of a journal of three records, and a path to write changed ones to.
class DamagedJournal : public testing::Test {
 protected:
  DamagedJournal() {
    append_all(path_, three_records);
    bytes_ = read_bytes(path_);
    ends_ = ends_of_records(bytes_);
  }

  /// Which record a byte belongs to: 0 is the format record.
  std::size_t record_at(std::size_t offset) const {
    return static_cast<std::size_t>(std::ranges::upper_bound(ends_, offset) - ends_.begin());
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "journal";
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

TEST(Journal, GivesBackWhatWasAppended) {
  const TemporaryFolder folder;

  append_all(folder / "journal", three_records);
  const auto [records, condition] = contents_of(folder / "journal");

  EXPECT_EQ(records, three_records);
  EXPECT_EQ(condition.good_bytes, std::filesystem::file_size(folder / "journal"));
  EXPECT_EQ(condition.torn_bytes, 0U);
  EXPECT_TRUE(condition.damages.empty());
}

TEST(Journal, HoldsRecordsOfAnySizeAndBytes) {
  const TemporaryFolder folder;
  const Records records = {{RecordType::trial, ""},
                           {RecordType::trial, std::string("\0\xff\n", 3)},
                           {RecordType::trial, std::string(8'000'000, 'x')},  // above the window
                           {RecordType::trial, "last"}};

  append_all(folder / "journal", records);

  EXPECT_TRUE(contents_of(folder / "journal").records == records);
}

TEST(Journal, IsContinuedByALaterWriter) {
  const TemporaryFolder folder;
  append_all(folder / "journal", {three_records[0]});
  const auto good_bytes = contents_of(folder / "journal").condition.good_bytes;

  append_all(folder / "journal", {three_records[1], three_records[2]}, good_bytes);

  EXPECT_EQ(contents_of(folder / "journal").records, three_records);
}

TEST(Journal, HasNoRecordsWhereThereIsNoFileOrAnEmptyOne) {
  const TemporaryFolder folder;
  write_bytes(folder / "empty", "");

  EXPECT_TRUE(contents_of(folder / "missing").records.empty());
  EXPECT_TRUE(contents_of(folder / "empty").records.empty());
}

TEST(Journal, BeginsWithTheBytesThatAreDocumented) {
  const TemporaryFolder folder;

  append_all(folder / "journal", {});

  const std::string payload = R"({"format":"mpisweep journal","version":1})";
  const auto bytes = read_bytes(folder / "journal");
  EXPECT_EQ(bytes.substr(0, 8), "\x89msw\r\n\x1a\n");
  EXPECT_EQ(bytes.substr(8, 8), std::string("\x29\0\0\0\1\0\0\0", 8));
  EXPECT_EQ(bytes.substr(20, payload.size()), payload);
  EXPECT_EQ(bytes.size(), 20 + payload.size() + 4);
}

TEST(Journal, EndsARecordWithTheCrc32cOfItsPayload) {
  const TemporaryFolder folder;

  append_all(folder / "journal", {{RecordType::trial, "123456789"}});

  // The catalogued check value of CRC-32C is 0xE3069283 for these nine digits.
  const auto bytes = read_bytes(folder / "journal");
  EXPECT_EQ(bytes.substr(bytes.size() - 4), "\x83\x92\x06\xE3");
}

TEST(Journal, ReadsRecordsOfKindsItDoesNotKnow) {
  const TemporaryFolder folder;
  const Records records = {{static_cast<RecordType>(77), "news"}, three_records[0]};

  append_all(folder / "journal", records);

  EXPECT_EQ(contents_of(folder / "journal").records, records);
}

TEST_F(DamagedJournal, CutAnywhereKeepsAllWholeRecords) {
  for (std::size_t size = 1; size < bytes_.size(); ++size) {
    SCOPED_TRACE("cut to " + std::to_string(size) + " bytes");
    write_bytes(path_, bytes_.substr(0, size));
    const auto num_whole = record_at(size);  // the format record counted

    const auto [records, condition] = contents_of(path_);

    const auto num_given = num_whole == 0 ? 0 : num_whole - 1;
    EXPECT_EQ(records,
              Records(three_records.begin(), three_records.begin() + static_cast<long>(num_given)));
    EXPECT_EQ(condition.good_bytes, num_whole == 0 ? 0 : ends_[num_whole - 1]);
    EXPECT_EQ(condition.torn_bytes, size - condition.good_bytes);
    EXPECT_TRUE(condition.damages.empty());
  }
}

TEST_F(DamagedJournal, CutAnywhereIsContinued) {
  for (std::size_t size = 0; size <= bytes_.size(); ++size) {
    SCOPED_TRACE("cut to " + std::to_string(size) + " bytes");
    write_bytes(path_, bytes_.substr(0, size));
    auto expected = contents_of(path_).records;
    expected.push_back(three_records[1]);

    append_all(path_, {three_records[1]}, contents_of(path_).condition.good_bytes);

    const auto [records, condition] = contents_of(path_);
    EXPECT_EQ(records, expected);
    EXPECT_EQ(condition.torn_bytes, 0U);
    EXPECT_TRUE(condition.damages.empty());
  }
}

TEST_F(DamagedJournal, FlippedByteCostsOneRecordAndIsNoticed) {
  for (std::size_t offset = 0; offset < bytes_.size(); ++offset) {
    SCOPED_TRACE("byte " + std::to_string(offset));
    auto flipped = bytes_;
    flipped[offset] = static_cast<char>(flipped[offset] ^ 0x40);
    write_bytes(path_, flipped);
    auto expected = three_records;
    const auto hit = record_at(offset);
    if (hit > 0) expected.erase(expected.begin() + static_cast<long>(hit - 1));

    const auto [records, condition] = contents_of(path_);

    const bool is_last = hit == three_records.size();
    EXPECT_EQ(records, expected);
    EXPECT_EQ(condition.damages.size(), is_last ? 0U : 1U);
    EXPECT_EQ(condition.torn_bytes, is_last ? bytes_.size() - ends_[hit - 1] : 0U);
  }
}

TEST_F(DamagedJournal, SaysWhereTheDamageIsAndWhatItIs) {
  auto flipped = bytes_;
  flipped[ends_[0] + 25] ^= 1;  // inside the payload of the plan record
  write_bytes(path_, flipped);

  const auto damages = contents_of(path_).condition.damages;

  ASSERT_EQ(damages.size(), 1U);
  EXPECT_EQ(describe(damages[0]), "bytes " + std::to_string(ends_[0]) + " to " +
                                      std::to_string(ends_[1] - 1) +
                                      " are lost (the payload's checksum does not match)");
}

TEST_F(DamagedJournal, IsContinuedWithoutTouchingTheDamage) {
  auto flipped = bytes_;
  flipped[ends_[0] + 25] ^= 1;
  write_bytes(path_, flipped);

  append_all(path_, {three_records[0]}, contents_of(path_).condition.good_bytes);

  const auto [records, condition] = contents_of(path_);
  EXPECT_EQ(records, (Records{three_records[1], three_records[2], three_records[0]}));
  EXPECT_EQ(condition.damages.size(), 1U);
  EXPECT_EQ(read_bytes(path_).substr(0, flipped.size()), flipped);
}

TEST_F(DamagedJournal, ZerosAtTheEndAreATornTail) {
  write_bytes(path_, bytes_ + std::string(5000, '\0'));  // as file systems leave after a power cut

  const auto [records, condition] = contents_of(path_);

  EXPECT_EQ(records, three_records);
  EXPECT_EQ(condition.torn_bytes, 5000U);
}

TEST_F(DamagedJournal, FindsTheRecordAfterAGarbledStretchOfAnyLength) {
  constexpr std::size_t kWindowBytes = std::size_t{4} << 20;  // by which the file is searched
  for (auto size = kWindowBytes - 9; size < kWindowBytes + 2; ++size) {
    SCOPED_TRACE(std::to_string(size) + " bytes of garbage");
    write_bytes(path_,
                bytes_.substr(0, ends_[0]) + std::string(size, 'g') + bytes_.substr(ends_[0]));

    const auto [records, condition] = contents_of(path_);

    EXPECT_EQ(records, three_records);
    EXPECT_EQ(condition.damages.size(), 1U);
  }
}

TEST_F(DamagedJournal, SurvivesALengthBeyondTheFile) {
  // A whole header, checksum included, that promises more than there is: a record whose tail is
  // gone, with good records after it.
  TemporaryFolder other;
  append_all(other / "journal", {{RecordType::trial, std::string(1'000'000, 'x')}});
  const auto large = read_bytes(other / "journal");
  const auto head = large.substr(ends_[0], 30);
  write_bytes(path_, bytes_.substr(0, ends_[0]) + head + bytes_.substr(ends_[0]));

  const auto [records, condition] = contents_of(path_);

  EXPECT_EQ(records, three_records);
  EXPECT_EQ(condition.damages.size(), 1U);
}

TEST(ReadJournal, RefusesAFileThatIsNoJournal) {
  const TemporaryFolder folder;
  write_bytes(folder / "journal", "name: digits\ngrid: {}\n");

  EXPECT_THROW(contents_of(folder / "journal"), StorageError);
}

TEST(ReadJournal, RefusesAVersionItDoesNotKnow) {
  const TemporaryFolder folder;
  append_all(folder / "journal",
             {{RecordType::format, R"({"format":"mpisweep journal","version":2})"}});

  try {
    contents_of(folder / "journal");
    FAIL() << "the version was not noticed";
  } catch (const StorageError& error) {
    EXPECT_NE(std::string(error.what()).find("version 2"), std::string::npos) << error.what();
  }
}

TEST(JournalWriter, CutsBackAfterAFailedWriteAndGoesOn) {
  const TemporaryFolder folder;
  JournalWriter writer(folder / "journal", 0);
  writer.append(three_records[0].first, three_records[0].second);

  {
    const FileSizeLimit limit(std::filesystem::file_size(folder / "journal") + 100);
    EXPECT_THROW(writer.append(RecordType::trial, std::string(1000, 'x')), StorageError);
  }
  writer.append(three_records[1].first, three_records[1].second);

  const auto [records, condition] = contents_of(folder / "journal");
  EXPECT_EQ(records, (Records{three_records[0], three_records[1]}));
  EXPECT_TRUE(condition.damages.empty());
}

TEST(JournalWriter, NamesThePathAndTheReason) {
  try {
    const JournalWriter writer("/nonexistent/folder/journal", 0);
    FAIL() << "the folder does not exist";
  } catch (const StorageError& error) {
    EXPECT_STREQ(error.what(),
                 "cannot open /nonexistent/folder/journal (No such file or directory)");
  }
}

TEST(JournalWriter, DoesNotWipeAJournal) {
  const TemporaryFolder folder;
  append_all(folder / "journal", three_records);

  EXPECT_THROW(JournalWriter(folder / "journal", 0), StorageError);
  EXPECT_EQ(contents_of(folder / "journal").records, three_records);
}

TEST(JournalWriter, RefusesAJournalThatHasShrunk) {
  const TemporaryFolder folder;
  append_all(folder / "journal", three_records);

  EXPECT_THROW(JournalWriter(folder / "journal", 10'000), StorageError);
}

}  // namespace
}  // namespace results
