#include "trainer/losses/hard.hpp"

namespace trainer {

torch::Tensor hard_loss(Pass& pass) {
  const auto& log_p = pass.segment_label_log_probabilities();       // [T, m, B]
  const auto expected = (pass.attention() * log_p).sum(/*dim=*/1);  // [T, B]
  return -pass.without_blanks(expected).mean(/*dim=*/-1);
}

Loss hard() {
  return {.choice = {.name = "hard", .help = "expected cross-entropy of the attended segment"},
          .rule = Rule::argmax,
          .value = hard_loss};
}

}  // namespace trainer
