/// A journal's bytes, as a crash or a bad disk may leave them.
#include <optional>
#include <utility>
#include <vector>

#include "results/journal.hpp"
#include "tests/fuzz/fuzzer.hpp"
#include "tests/temporary_folder.hpp"

namespace {

using fuzz::require;
using results::RecordType;

struct Contents {
  std::vector<std::pair<RecordType, std::string>> records = {};
  results::JournalCondition condition = {};
};

Contents read(const std::filesystem::path& path) {
  Contents contents;
  contents.condition =
      results::read_journal(path, [&contents](RecordType type, const std::string& payload) {
        contents.records.emplace_back(type, payload);
      });
  return contents;
}

/// Nothing if the file is refused.
std::optional<Contents> read_or_nothing(const std::filesystem::path& path) {
  try {
    return read(path);
  } catch (const results::StorageError&) {
    return std::nullopt;
  }
}

using Stretch = std::pair<std::uint64_t, std::uint64_t>;  // offset and size

/// Without the reasons: a record that ends early seems to have a wrong checksum once something
/// follows.
std::vector<Stretch> stretches_of(const Contents& contents) {
  std::vector<Stretch> stretches;
  for (const auto& damage : contents.condition.damages)
    stretches.emplace_back(damage.offset, damage.size_bytes);
  return stretches;
}

void check_cut(const std::filesystem::path& path, const Contents& before) {
  std::filesystem::resize_file(path, before.condition.good_bytes);
  const auto after = read(path);
  require(after.records == before.records, "cutting the torn tail costs no record");
  require(after.condition.torn_bytes == 0, "no tail is left");
  require(stretches_of(after) == stretches_of(before), "damages stay where they are");
}

/// A later session's writer: opens the journal as it was found, appends.
void check_continuation(const std::filesystem::path& path, Contents before) {
  try {
    results::JournalWriter writer(path, before.condition.good_bytes);
    writer.append(RecordType::trial, "news");
  } catch (const results::StorageError&) {
    require(before.condition.good_bytes == 0, "only a file without a good record is refused");
    return;
  }
  before.records.emplace_back(RecordType::trial, "news");
  const auto after = read(path);
  require(after.records == before.records, "a continued journal keeps all and gets the new one");
  require(after.condition.torn_bytes == 0, "nothing follows the new record");
  require(stretches_of(after) == stretches_of(before), "damages stay where they are");
}

}  // namespace

void fuzz::try_input(std::string_view input) {
  static const TemporaryFolder folder;
  const std::string bytes(input);
  const auto path = folder.write("journal", bytes);
  const auto contents = read_or_nothing(path);
  if (!contents) return;
  const auto& condition = contents->condition;
  require(condition.good_bytes + condition.torn_bytes == bytes.size(), "every byte is counted");
  check_continuation(path, *contents);
  write_bytes(path, bytes);
  check_cut(path, *contents);
}
