#pragma once

#include <filesystem>
#include <vector>

#include "trainer/datasets/data_file.hpp"

namespace trainer {

/// The two binary forms of CIFAR. A file is a row of records and nothing else: the labels, one byte
/// each, then 1024 red, 1024 green and 1024 blue bytes, row by row.
enum class CifarForm {
  cifar10,  ///< one label, 0 .. 9
  cifar100  ///< the coarse label, 0 .. 19, then the fine one, 0 .. 99
};

/// The images of several files, one after the other, with their last label: the fine one of
/// CIFAR-100.
///
/// Shapes: images {count, 3, 32, 32}
/// Throws: DataFileError with the path if a file cannot be read, or holds anything but whole
///         records with labels in range.
LabelledImages read_cifar(const std::vector<std::filesystem::path>& paths, CifarForm form);

}  // namespace trainer
