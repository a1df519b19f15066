#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "results/file.hpp"

/// The append-only log from which everything else in the output folder can be rebuilt.
/// README.md in this folder documents the bytes.
namespace results {

/// The number stored in a record's header. New kinds get new numbers; readers skip unknown ones.
enum class RecordType : std::uint32_t {
  format = 1,
  plan = 2,
  session = 3,
  trial = 4,
  end = 5,
  pack = 6
};

/// The file is something else than a journal, or nothing of a journal is left in it.
class NotAJournal : public StorageError {
  using StorageError::StorageError;
};

/// A stretch of bytes that is no record, with good records after it.
struct JournalDamage {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
  std::string reason = {};
};

/// "bytes 120 to 340 are lost (the payload's checksum does not match)"
std::string describe(const JournalDamage& damage);

/// What a scan of a journal found besides its records.
struct JournalCondition {
  std::uint64_t good_bytes = 0;  ///< the length up to the end of the last good record
  std::uint64_t torn_bytes = 0;  ///< an unfinished record at the end; harmless
  std::vector<JournalDamage> damages = {};
};

/// Reads every good record in order, but for the first, which only names the format. Goes on at the
/// next marker after a bad one. Memory: a few MB and the largest record.
/// A file that does not exist or is empty has no records.
/// Throws: NotAJournal; StorageError if the file cannot be read or is of a version we do not know.
JournalCondition read_journal(
    const std::filesystem::path& path,
    const std::function<void(RecordType type, const std::string& payload)>& on_record);

/// Appends records. One writer at a time; the caller holds the folder's lock.
class JournalWriter {
 public:
  /// Opens or creates the journal and cuts what follows `good_bytes` (a torn tail).
  /// Throws: StorageError, also if there are fewer bytes than that, or if nothing would be left of
  /// a file that holds more than an unfinished first record.
  JournalWriter(const std::filesystem::path& path, std::uint64_t good_bytes);

  /// Hands one whole record to the kernel. After a failed write the file is cut back to the last
  /// whole record, so that a later attempt continues cleanly.  Throws: StorageError.
  void append(RecordType type, const std::string& payload);

  /// Makes all appended records durable (fsync); free if nothing was appended since.
  /// Throws: StorageError.
  void sync();

  /// Throws: StorageError if the path no longer leads to this journal, so that nobody would ever
  /// find what is appended.
  void check_place() const;

 private:
  void cut_tail();
  void begin_journal();
  void write_record(const std::string& bytes);
  void cut_unfinished_record();

  File file_;
  std::uint64_t size_bytes_ = 0;
  bool is_dirty_ = false;
};

}  // namespace results
