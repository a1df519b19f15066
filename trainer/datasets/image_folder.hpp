#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "trainer/datasets/idx_file.hpp"

namespace trainer {

/// Grey images and a class below 256 for each.
struct LabelledImages {
  IdxArray images = {};                   ///< {count, height, width}
  std::vector<std::uint8_t> labels = {};  ///< one per image
};

/// A data set in MNIST's format.
struct ImageFolder {
  LabelledImages train = {};
  LabelledImages test = {};
  std::string fingerprint = {};  ///< 16 hex digits that change with any pixel or label
};

/// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with t10k-, each plain or
/// with .gz. A folder is read once in the life of the process.
///
/// Throws: IdxError if a file is missing or broken, or if images and labels do not match.
std::shared_ptr<const ImageFolder> read_image_folder(const std::filesystem::path& root);

}  // namespace trainer
