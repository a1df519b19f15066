#include "trainer/losses/lvml_logits.hpp"

#include "trainer/losses/log_sum_exp.hpp"

namespace trainer {

torch::Tensor lvml_logits_loss(Pass& pass) {
  // Log probabilities are logits but for a constant per segment, which softmax does not see.
  const auto weighted = pass.attention().unsqueeze(1) * pass.segment_log_probabilities();
  const auto log_p = label_log_probabilities(weighted.sum(/*dim=*/2), pass.labels());  // [T, B]
  return -pass.without_blanks(log_p).mean(/*dim=*/-1);
}

Loss lvml_logits() {
  return {.choice = {.name = "lvml_logits",
                     .help = "cross-entropy of the averaged logits, HateXplain's reading of lvml"},
          .rule = Rule::blend,
          .value = lvml_logits_loss};
}

}  // namespace trainer
