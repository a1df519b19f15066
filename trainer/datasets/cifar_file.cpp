#include "trainer/datasets/cifar_file.hpp"

#include <array>
#include <cerrno>
#include <fstream>
#include <span>
#include <system_error>

namespace trainer {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kSide = 32;  // pixels
constexpr std::size_t kImageBytes = kChannels * kSide * kSide;
constexpr std::size_t kMostLabels = 2;
constexpr std::uintmax_t kLargestBatchFile = std::uintmax_t{1}
                                             << 32;  // bytes, 80 times the original

struct Label {
  const char* name;
  int num_classes;
};
constexpr std::array kCifar10Labels = {Label{"label", 10}};
constexpr std::array kCifar100Labels = {Label{"coarse label", 20}, Label{"fine label", 100}};

/// One file from its first byte to its last.
class CifarReader {
 public:
  CifarReader(const std::filesystem::path& path, std::span<const Label> labels)
      : path_(path), labels_(labels), file_(path, std::ios::binary) {
    if (!file_) fail("cannot be opened (" + std::generic_category().message(errno) + ")");
  }

  void append_to(LabelledImages& into) {
    const auto count = count_records();
    into.images.bytes.reserve(into.images.bytes.size() + count * kImageBytes);
    into.labels.reserve(into.labels.size() + count);
    for (std::size_t index = 0; index < count; ++index)
      append_record(index, into);
  }

 private:
  std::size_t record_bytes() const { return labels_.size() + kImageBytes; }

  /// By the bytes that are there.
  std::size_t count_records() {
    std::error_code error;
    const auto size = std::filesystem::file_size(path_, error);
    if (error) fail("cannot be read (" + error.message() + ")");
    if (size == 0) fail("is empty");
    if (size > kLargestBatchFile) fail("is too large (" + std::to_string(size) + " bytes)");
    if (size % record_bytes() != 0) {
      fail("has " + std::to_string(size) + " bytes, no multiple of " +
           std::to_string(record_bytes()) + " (one record)");
    }
    return size / record_bytes();
  }

  void append_record(std::size_t index, LabelledImages& into) {
    std::array<char, kMostLabels + kImageBytes> record = {};
    file_.read(record.data(), static_cast<std::streamsize>(record_bytes()));
    if (!file_) fail("is truncated in record " + std::to_string(index));
    for (std::size_t i = 0; i < labels_.size(); ++i)
      check_label(static_cast<std::uint8_t>(record[i]), labels_[i], index);
    const std::span pixels(record.data() + labels_.size(), kImageBytes);
    into.images.bytes.insert(into.images.bytes.end(), pixels.begin(), pixels.end());
    into.labels.push_back(static_cast<std::uint8_t>(record[labels_.size() - 1]));
  }

  void check_label(int value, const Label& label, std::size_t index) {
    if (value < label.num_classes) return;
    fail("has " + std::string(label.name) + " " + std::to_string(value) + " in record " +
         std::to_string(index) + " (want 0 to " + std::to_string(label.num_classes - 1) + ")");
  }

  [[noreturn]] void fail(const std::string& what) {
    throw DataFileError(path_.string() + " " + what);
  }

  std::filesystem::path path_;
  std::span<const Label> labels_;
  std::ifstream file_;
};

std::span<const Label> labels_of(CifarForm form) {
  if (form == CifarForm::cifar10) return kCifar10Labels;
  return kCifar100Labels;
}

}  // namespace

LabelledImages read_cifar(const std::vector<std::filesystem::path>& paths, CifarForm form) {
  LabelledImages all;
  for (const auto& path : paths)
    CifarReader(path, labels_of(form)).append_to(all);
  all.images.sizes = {std::ssize(all.labels), kChannels, kSide, kSide};
  return all;
}

}  // namespace trainer
