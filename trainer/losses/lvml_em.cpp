#include "trainer/losses/lvml_em.hpp"

#include "trainer/losses/lvml.hpp"

namespace trainer {

torch::Tensor lvml_em_objective(Pass& pass) {
  const auto& log_p = pass.segment_label_log_probabilities();    // [T, m, B]
  const auto log_joint = pass.log_attention() + log_p;           // [T, m, B]
  const auto q = torch::softmax(log_joint.detach(), /*dim=*/1);  // [T, m, B]
  return -pass.without_blanks((q * log_joint).sum(/*dim=*/1)).mean(/*dim=*/-1);
}

Loss lvml_em() {
  return {.choice = {.name = "lvml_em", .help = "lvml by steps of expectation maximisation"},
          .rule = Rule::mixture,
          .value = [](Pass& pass) { return lvml_loss(pass); },
          .objective = [](Pass& pass, const Step&) { return lvml_em_objective(pass); }};
}

}  // namespace trainer
