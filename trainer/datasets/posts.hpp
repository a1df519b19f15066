#pragma once

#include <cstdint>
#include <vector>

#include "trainer/datasets/data_set.hpp"

namespace trainer {

/// A text as numbers. The first three stand for no word, as in HateXplain's published code.
struct Post {
  static constexpr std::int64_t kPadding = 0;  ///< fills up short posts
  static constexpr std::int64_t kFirstWord = 3;

  std::vector<std::int64_t> tokens = {};  ///< at least one
  std::vector<bool> rationale = {};       ///< of each token: whether it tells the label
  std::int64_t label = 0;
};

/// Posts as inputs whose segments are tokens, filled up to the longest of them. Rationales are the
/// foreground.
Split to_split(const std::vector<Post>& posts, std::int64_t vocabulary);

/// Segments of the longest.
std::int64_t longest(const std::vector<Post>& posts);

/// Bytes of what to_split() makes of that many posts, their batches included.
double posts_bytes(double num_posts, std::int64_t longest);

}  // namespace trainer
