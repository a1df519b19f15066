#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

namespace trainer {

/// A data file is missing, cannot be read, or is not what it says it is.
class DataFileError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An array of bytes, as files store images and labels.
struct ByteArray {
  std::vector<std::int64_t> sizes = {};  ///< {count} of labels, {count, ..., height, width}
  std::vector<std::uint8_t> bytes = {};  ///< last dimension fastest
};

/// Images and a class below 256 for each.
struct LabelledImages {
  ByteArray images = {};                  ///< {count, height, width} or {count, 3, height, width}
  std::vector<std::uint8_t> labels = {};  ///< one per image
};

}  // namespace trainer
