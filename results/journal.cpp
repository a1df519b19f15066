#include "results/journal.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>

#include <boost/crc.hpp>
#include <boost/endian/conversion.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>

namespace results {
namespace {

constexpr std::string_view kMarker = "\x89msw\r\n\x1a\n";  // no JSON text holds these bytes
constexpr std::size_t kCheckedHeaderBytes = 8;             // length and type
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kHeaderBytes = kCheckedHeaderBytes + kChecksumBytes;
constexpr std::size_t kPayloadOffset = kMarker.size() + kHeaderBytes;
constexpr std::size_t kWindowBytes = std::size_t{4} << 20;
constexpr const char* kFormatName = "mpisweep journal";
constexpr int kFormatVersion = 1;

/// CRC-32C (Castagnoli), as in iSCSI and ext4.
std::uint32_t crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::uint32_t load_u32(std::string_view bytes, std::size_t offset) {
  const auto* first = reinterpret_cast<const unsigned char*>(bytes.data() + offset);
  return boost::endian::load_little_u32(first);
}

void append_u32(std::string& bytes, std::uint32_t value) {
  unsigned char little[4];
  boost::endian::store_little_u32(little, value);
  bytes.append(reinterpret_cast<const char*>(little), sizeof little);
}

std::string encode_record(RecordType type, const std::string& payload) {
  if (payload.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw StorageError("a journal record of " + std::to_string(payload.size()) +
                       " bytes is too large (want less than 4 GiB)");
  }
  std::string bytes(kMarker);
  bytes.reserve(kPayloadOffset + payload.size() + kChecksumBytes);
  append_u32(bytes, static_cast<std::uint32_t>(payload.size()));
  append_u32(bytes, static_cast<std::uint32_t>(type));
  append_u32(bytes, crc32c(std::string_view(bytes).substr(kMarker.size())));
  bytes += payload;
  append_u32(bytes, crc32c(payload));
  return bytes;
}

nlohmann::json format_payload() {
  return {{"format", kFormatName}, {"version", kFormatVersion}};
}

std::string format_record() {
  return encode_record(RecordType::format, format_payload().dump());
}

[[noreturn]] void refuse(const std::filesystem::path& path) {
  throw NotAJournal(path.string() + " is no journal of mpisweep");
}

/// Throws: StorageError unless the payload is that of a format record which this program knows.
void check_format(const std::filesystem::path& path, const std::string& payload) {
  const auto format = nlohmann::json::parse(payload, nullptr, /*allow_exceptions=*/false);
  if (format == format_payload()) return;
  if (!format.is_object() || !format.contains("version") || format["format"] != kFormatName) {
    refuse(path);
  }
  throw StorageError(path.string() + " is a journal of version " + format["version"].dump() +
                     " (this program knows version " + std::to_string(kFormatVersion) + ")");
}

/// The part of a file around the position that is being read, so that memory stays small.
class Window {
 public:
  explicit Window(const std::filesystem::path& path)
      : file_(path, O_RDONLY), size_bytes_(file_.size_bytes()) {}

  /// The file's size when it was opened; what is appended later is not read.
  std::uint64_t size_bytes() const { return size_bytes_; }

  /// Bytes from a position on, fewer where the file ends. Valid until the next call.
  std::string_view bytes(std::uint64_t offset, std::size_t count) {
    const auto wanted = std::min<std::uint64_t>(count, size_bytes_ - offset);
    if (offset < begin_ || offset + wanted > begin_ + buffer_.size()) load(offset, count);
    return std::string_view(buffer_).substr(offset - begin_, wanted);
  }

 private:
  void load(std::uint64_t offset, std::size_t count) {
    begin_ = offset;
    buffer_.resize(std::min<std::uint64_t>(std::max(count, kWindowBytes), size_bytes_ - offset));
    buffer_.resize(file_.read_at(offset, buffer_));
  }

  File file_;
  std::uint64_t size_bytes_;
  std::uint64_t begin_ = 0;
  std::string buffer_ = {};
};

struct Record {
  RecordType type = RecordType::format;
  std::string payload = {};
  std::uint64_t end = 0;  ///< offset of the first byte after it
};

/// Walks over the good records of a journal and notes what it had to skip.
class Scanner {
 public:
  explicit Scanner(const std::filesystem::path& path) : window_(path) {}

  const Record& record() const { return record_; }

  /// Goes to the next good record; false if there is none.
  bool next() {
    const auto begin = condition_.good_bytes;
    if (begin == window_.size_bytes()) return false;
    if (const char* flaw = read_record(begin)) {
      const auto found = find_record(begin + 1);
      if (!found) return false;
      condition_.damages.push_back({.offset = begin, .size_bytes = *found - begin, .reason = flaw});
    }
    condition_.good_bytes = record_.end;
    return true;
  }

  /// What the walk has found, once there is no next record.
  JournalCondition condition() const {
    auto condition = condition_;
    condition.torn_bytes = window_.size_bytes() - condition.good_bytes;
    return condition;
  }

  /// Whether the file begins as a journal does, however little of it there is.
  bool begins_as_journal() { return kMarker.starts_with(window_.bytes(0, kMarker.size())); }

 private:
  /// Reads the record that starts at an offset; returns why none does, or null.
  const char* read_record(std::uint64_t offset) {
    const auto front = window_.bytes(offset, kPayloadOffset);
    if (!front.starts_with(kMarker)) return "no record starts here";
    if (front.size() < kPayloadOffset) return "the record ends early";
    const auto header = front.substr(kMarker.size());
    if (crc32c(header.substr(0, kCheckedHeaderBytes)) != load_u32(header, kCheckedHeaderBytes)) {
      return "the header's checksum does not match";
    }
    const std::size_t length = load_u32(header, 0);
    record_.type = static_cast<RecordType>(load_u32(header, 4));
    record_.end = offset + kPayloadOffset + length + kChecksumBytes;
    const auto rest = window_.bytes(offset + kPayloadOffset, length + kChecksumBytes);
    if (rest.size() < length + kChecksumBytes) return "the record ends early";
    record_.payload = rest.substr(0, length);
    return crc32c(record_.payload) == load_u32(rest, length)
               ? nullptr
               : "the payload's checksum does not match";
  }

  /// The offset of the first good record at or after `begin`, which is then read.
  std::optional<std::uint64_t> find_record(std::uint64_t begin) {
    while (begin < window_.size_bytes()) {
      const auto bytes = window_.bytes(begin, kWindowBytes);
      const auto marker = bytes.find(kMarker);
      if (marker == std::string_view::npos) {
        if (bytes.size() < kWindowBytes) break;
        begin += kWindowBytes - kMarker.size() + 1;
      } else if (read_record(begin + marker) == nullptr) {
        return begin + marker;
      } else {
        begin += marker + 1;
      }
    }
    return std::nullopt;
  }

  Window window_;
  Record record_ = {};
  JournalCondition condition_ = {};
};

}  // namespace

std::string describe(const JournalDamage& damage) {
  return "bytes " + std::to_string(damage.offset) + " to " +
         std::to_string(damage.offset + damage.size_bytes - 1) + " are lost (" + damage.reason +
         ")";
}

JournalCondition read_journal(
    const std::filesystem::path& path,
    const std::function<void(RecordType type, const std::string& payload)>& on_record) {
  if (!std::filesystem::exists(path)) return {};
  Scanner scanner(path);
  while (scanner.next()) {
    const auto& record = scanner.record();
    if (record.type == RecordType::format) {
      check_format(path, record.payload);
    } else {
      on_record(record.type, record.payload);
    }
  }
  if (scanner.condition().good_bytes == 0 && !scanner.begins_as_journal()) refuse(path);
  return scanner.condition();
}

JournalWriter::JournalWriter(const std::filesystem::path& path, std::uint64_t good_bytes)
    : file_(path, O_RDWR | O_CREAT | O_APPEND), size_bytes_(good_bytes) {
  cut_tail();
  if (size_bytes_ == 0) begin_journal();
}

void JournalWriter::cut_tail() {
  const auto found_bytes = file_.size_bytes();
  const bool is_all = size_bytes_ == 0 && found_bytes > format_record().size();
  if (size_bytes_ > found_bytes || is_all) {
    throw StorageError("will not cut " + file_.path().string() + " from " +
                       std::to_string(found_bytes) + " to " + std::to_string(size_bytes_) +
                       " bytes (only an unfinished record may go)");
  }
  if (size_bytes_ < found_bytes) file_.truncate(size_bytes_);
}

void JournalWriter::begin_journal() {
  write_record(format_record());
  sync();
  sync_folder_of(file_.path());
}

void JournalWriter::append(RecordType type, const std::string& payload) {
  write_record(encode_record(type, payload));
}

void JournalWriter::write_record(const std::string& bytes) {
  try {
    file_.write_all(bytes);
  } catch (const StorageError&) {
    cut_unfinished_record();
    throw;
  }
  size_bytes_ += bytes.size();
  is_dirty_ = true;
}

void JournalWriter::cut_unfinished_record() {
  try {
    file_.truncate(size_bytes_);
  } catch (const StorageError&) {  // NOLINT(bugprone-empty-catch): readers skip what is left of it
  }
}

void JournalWriter::sync() {
  if (!is_dirty_) return;
  file_.sync();
  is_dirty_ = false;
}

void JournalWriter::check_place() const {
  if (file_.is_in_place()) return;
  throw StorageError(file_.path().string() +
                     " is no longer there (its folder was removed, moved or replaced while the "
                     "sweep ran), move it back, then the same command continues");
}

}  // namespace results
