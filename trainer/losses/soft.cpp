#include "trainer/losses/soft.hpp"

namespace trainer {

torch::Tensor soft_loss(Pass& pass) {
  const auto& log_p = pass.blend_label_log_probabilities();  // [T, B]
  return -pass.without_blanks(log_p).mean(/*dim=*/-1);
}

Loss soft() {
  return {.choice = {.name = "soft", .help = "cross-entropy of the blended segments"},
          .rule = Rule::blend,
          .value = soft_loss,
          .classified = Classified::blend};
}

}  // namespace trainer
