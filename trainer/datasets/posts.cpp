#include "trainer/datasets/posts.hpp"

#include <algorithm>

namespace trainer {

Split to_split(const std::vector<Post>& posts, std::int64_t vocabulary) {
  const auto N = std::ssize(posts);
  const auto m = longest(posts);
  auto tokens = torch::full({N, m}, Post::kPadding, torch::kLong);
  auto foreground = torch::zeros({N, m}, torch::kBool);
  auto absent = torch::ones({N, m}, torch::kBool);
  auto labels = torch::empty({N}, torch::kLong);
  for (std::int64_t n = 0; n < N; ++n) {
    const auto& post = posts[static_cast<std::size_t>(n)];
    labels.mutable_data_ptr<std::int64_t>()[n] = post.label;
    for (std::size_t j = 0; j < post.tokens.size(); ++j) {
      const auto at = n * m + static_cast<std::int64_t>(j);
      tokens.mutable_data_ptr<std::int64_t>()[at] = post.tokens[j];
      foreground.mutable_data_ptr<bool>()[at] = post.rationale[j];
      absent.mutable_data_ptr<bool>()[at] = false;
    }
  }
  return {.points = torch::arange(vocabulary).unsqueeze(1),
          .members = tokens,
          .labels = labels,
          .foreground = foreground,
          .absent = absent};
}

std::int64_t longest(const std::vector<Post>& posts) {
  std::size_t length = 0;
  for (const auto& post : posts)
    length = std::max(length, post.tokens.size());
  return static_cast<std::int64_t>(length);
}

double posts_bytes(double num_posts, std::int64_t longest) {
  constexpr double kCopies = 2;  // the split and its batches
  constexpr double kBytes = sizeof(std::int64_t) + 2 * sizeof(bool);
  return kCopies * kBytes * num_posts * static_cast<double>(longest);
}

}  // namespace trainer
