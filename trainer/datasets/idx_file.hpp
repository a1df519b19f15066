#pragma once

#include <filesystem>

#include "trainer/datasets/data_file.hpp"

namespace trainer {

/// Reads `path`, plain or gzip (told by content, not by name).
/// Format: two zero bytes, type 8 (unsigned byte), number of dimensions, each size as a big-endian
/// 32-bit number, then the values and nothing else.
///
/// Throws: DataFileError with the path.
ByteArray read_idx(const std::filesystem::path& path);

}  // namespace trainer
