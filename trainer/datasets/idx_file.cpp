#include "trainer/datasets/idx_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include <zlib.h>

namespace trainer {
namespace {

constexpr std::uint8_t kUnsignedByte = 8;
constexpr std::int64_t kLargestArray = std::int64_t{1}
                                       << 32;         // bytes; a wrong size must not fill memory
constexpr std::size_t kPiece = std::size_t{1} << 24;  // bytes

using GzFile = std::unique_ptr<gzFile_s, decltype(&gzclose)>;

/// One idx file from its first byte to its last. zlib also passes through what is not compressed.
class IdxReader {
 public:
  explicit IdxReader(const std::filesystem::path& path)
      : path_(path), file_(gzopen(path.c_str(), "rb"), &gzclose) {
    if (!file_) fail("cannot be opened (" + std::generic_category().message(errno) + ")");
  }

  ByteArray read() {
    ByteArray array = {.sizes = read_sizes()};
    read_values(array.bytes, count(array.sizes));
    if (gzgetc(file_.get()) != -1) fail("has more bytes than its sizes say");
    return array;
  }

 private:
  std::vector<std::int64_t> read_sizes() {
    std::array<std::uint8_t, 4> magic = {};
    read_bytes(magic.data(), magic.size());
    if (magic[0] != 0 || magic[1] != 0 || magic[3] == 0)
      fail("is no idx file (wrong magic number)");
    if (magic[2] != kUnsignedByte) fail("holds values that are no unsigned bytes");
    std::vector<std::int64_t> sizes(magic[3]);
    for (auto& size : sizes)
      size = read_size();
    return sizes;
  }

  std::int64_t read_size() {
    std::array<std::uint8_t, 4> bytes = {};
    read_bytes(bytes.data(), bytes.size());
    std::int64_t size = 0;
    for (const auto byte : bytes)
      size = size * 256 + byte;
    return size;
  }

  std::size_t count(const std::vector<std::int64_t>& sizes) {
    std::int64_t product = 1;
    for (const auto size : sizes) {
      if (size > 0 && product > kLargestArray / size) fail("has impossible sizes");
      product *= size;
    }
    return static_cast<std::size_t>(product);
  }

  /// Takes memory for what is there, not for what the sizes promise.
  void read_values(std::vector<std::uint8_t>& bytes, std::size_t count) {
    while (bytes.size() < count) {
      const auto begin = bytes.size();
      bytes.resize(std::min(count, begin + kPiece));
      read_bytes(bytes.data() + begin, bytes.size() - begin);
    }
  }

  void read_bytes(std::uint8_t* bytes, std::size_t size) {
    if (gzfread(bytes, 1, size, file_.get()) == size) return;
    int code = Z_OK;
    const std::string message = gzerror(file_.get(), &code);
    const bool is_cut = code == Z_OK || code == Z_BUF_ERROR;
    fail(is_cut ? "is truncated" : "cannot be read (" + message + ")");
  }

  [[noreturn]] void fail(const std::string& what) {
    throw DataFileError(path_.string() + " " + what);
  }

  std::filesystem::path path_;
  GzFile file_;
};

}  // namespace

ByteArray read_idx(const std::filesystem::path& path) {
  return IdxReader(path).read();
}

}  // namespace trainer
