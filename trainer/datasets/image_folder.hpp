#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "trainer/datasets/data_file.hpp"

namespace trainer {

/// Which files a folder of images holds.
enum class ImageFormat {
  mnist,    ///< train-images-idx3-ubyte, train-labels-idx1-ubyte, the same with t10k-; each or .gz
  cifar10,  ///< data_batch_1.bin to data_batch_5.bin, or the first alone (a sample); test_batch.bin
  cifar100  ///< train.bin, test.bin; images have their fine labels
};

/// A data set of images. Those of one folder have one size.
struct ImageFolder {
  LabelledImages train = {};
  LabelledImages test = {};
  std::string fingerprint = {};  ///< 16 hex digits that change with any pixel or label
};

/// A folder is read once in the life of the process.
///
/// Throws: DataFileError if a file is missing or broken, or if images and labels do not match.
std::shared_ptr<const ImageFolder> read_image_folder(const std::filesystem::path& root,
                                                     ImageFormat format = ImageFormat::mnist);

}  // namespace trainer
