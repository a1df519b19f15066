#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/trainer/idx_writer.hpp"

/// Writes CIFAR files for tests.
inline std::string cifar_record(const std::vector<int>& labels, const std::string& pixels) {
  std::string record;
  for (const auto label : labels)
    record += static_cast<char>(label);
  return record + pixels;
}

/// 32 x 32 pixels in random colours, with a bright row that tells the class.
inline std::string cifar_pixels(int label, std::mt19937& rng) {
  constexpr int kRow = 32;
  std::string pixels(3UL * kRow * kRow, 0);
  for (auto& byte : pixels)
    byte = static_cast<char>(rng() % 128);
  std::fill_n(pixels.begin() + std::ptrdiff_t{label % kRow} * kRow, kRow, static_cast<char>(255));
  return pixels;
}

/// A sample in CIFAR-10's form: one training batch and a test batch of `count` images each, whose
/// classes are 0 .. 9 in turn.
inline void write_cifar10_folder(const std::filesystem::path& root, int count) {
  std::mt19937 rng(1);
  for (const std::string name : {"data_batch_1.bin", "test_batch.bin"}) {
    std::string text;
    for (int i = 0; i < count; ++i)
      text += cifar_record({i % 10}, cifar_pixels(i % 10, rng));
    write_file(root / name, text);
  }
}

/// One image of each of the 100 fine classes for training and one for test, with coarse label 3.
inline void write_cifar100_folder(const std::filesystem::path& root) {
  std::mt19937 rng(1);
  for (const std::string name : {"train.bin", "test.bin"}) {
    std::string text;
    for (int label = 0; label < 100; ++label)
      text += cifar_record({3, label}, cifar_pixels(label, rng));
    write_file(root / name, text);
  }
}
