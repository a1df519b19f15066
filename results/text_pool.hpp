#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace results {

/// Texts that many trials share (devices, errors), each kept once and known by its number. The
/// empty text has number 0.
class TextPool {
 public:
  std::uint32_t add(const std::string& text) {
    const auto [known, is_new] =
        numbers_.try_emplace(text, static_cast<std::uint32_t>(texts_.size()));
    if (is_new) texts_.push_back(text);
    return known->second;
  }

  const std::string& operator[](std::uint32_t number) const { return texts_[number]; }

 private:
  std::vector<std::string> texts_ = {""};
  std::unordered_map<std::string, std::uint32_t> numbers_ = {{"", 0}};
};

}  // namespace results
