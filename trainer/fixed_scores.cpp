#include "trainer/fixed_scores.hpp"

namespace trainer {

torch::Tensor fixed_scores(double weight, const torch::Tensor& foreground) {
  const auto num_foreground = foreground.to(torch::kFloat).sum(/*dim=*/0);  // [B]
  const auto num_background = foreground.size(0) - num_foreground;          // [B]
  const auto share = torch::where(foreground, weight / num_foreground,
                                  (1 - weight) / num_background);  // [m, B]
  const auto has_both = (num_foreground > 0).logical_and(num_background > 0);
  return torch::where(has_both, share.log(), 0.).unsqueeze(0);
}

}  // namespace trainer
