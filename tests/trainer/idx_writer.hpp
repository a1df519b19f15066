#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

/// Writes idx files for tests.
inline std::string idx_text(const std::vector<std::uint32_t>& sizes, const std::string& bytes) {
  std::string text = {0, 0, 8, static_cast<char>(sizes.size())};
  for (const auto size : sizes)
    for (const int shift : {24, 16, 8, 0})
      text += static_cast<char>((size >> shift) & 255U);
  return text + bytes;
}

inline void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// Random images of `num_classes` classes, in turn, under MNIST's names; each class has a bright
/// row of its own, so that classes can be told apart.
inline void write_image_folder(const std::filesystem::path& root, std::uint32_t count,
                               std::uint32_t size, std::uint32_t num_classes) {
  std::mt19937 rng(1);
  for (const std::string part : {"train", "t10k"}) {
    std::string images;
    std::string labels;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto label = i % num_classes;
      labels += static_cast<char>(label);
      for (std::uint32_t row = 0; row < size; ++row)
        for (std::uint32_t column = 0; column < size; ++column)
          images += static_cast<char>(row == label ? 255 : rng() % 128);
    }
    write_file(root / (part + "-images-idx3-ubyte"), idx_text({count, size, size}, images));
    write_file(root / (part + "-labels-idx1-ubyte"), idx_text({count}, labels));
  }
}
