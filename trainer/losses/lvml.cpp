#include "trainer/losses/lvml.hpp"

namespace trainer {

torch::Tensor lvml_loss(Pass& pass) {
  const auto log_p = pass.of_labels(pass.segment_log_probabilities());              // [T, m, B]
  const auto marginal = torch::logsumexp(pass.log_attention() + log_p, /*dim=*/1);  // [T, B]
  return -pass.without_blanks(marginal).mean(/*dim=*/-1);
}

Loss lvml() {
  return {.choice = {.name = "lvml", .help = "marginal likelihood of the attended segment"},
          .rule = Rule::mixture,
          .value = lvml_loss};
}

}  // namespace trainer
