#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <vector>

namespace trainer {

/// An idx file is missing, cannot be read, or is not what it says it is.
class IdxError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An array of bytes, as MNIST and its successors store images and labels.
struct IdxArray {
  std::vector<std::int64_t> sizes = {};  ///< {count} of labels, {count, height, width} of images
  std::vector<std::uint8_t> bytes = {};  ///< last dimension fastest
};

/// Reads `path`, plain or gzip (told by content, not by name).
/// Format: two zero bytes, type 8 (unsigned byte), number of dimensions, each size as a big-endian
/// 32-bit number, then the values and nothing else.
///
/// Throws: IdxError with the path.
IdxArray read_idx(const std::filesystem::path& path);

}  // namespace trainer
