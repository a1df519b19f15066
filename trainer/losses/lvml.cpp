#include "trainer/losses/lvml.hpp"

#include <cmath>

#include "trainer/losses/log_sum_exp.hpp"

namespace trainer {

torch::Tensor lvml_loss(Pass& pass, double epsilon) {
  const auto& log_p = pass.segment_label_log_probabilities();  // [T, m, B]
  auto marginal = log_sum_exp(pass.log_attention() + log_p);   // [T, B]
  if (epsilon > 0)
    marginal = torch::logaddexp(marginal, torch::full_like(marginal, std::log(epsilon)));
  return -pass.without_blanks(marginal).mean(/*dim=*/-1);
}

namespace {

void configure_lvml(Loss& loss, const nlohmann::json& settings) {
  const double epsilon = settings.at("epsilon");
  loss.value = [epsilon](Pass& pass) { return lvml_loss(pass, epsilon); };
}

}  // namespace

Loss lvml() {
  const Setting epsilon = {.key = "epsilon",
                           .declaration = {.type = "float",
                                           .default_value = 0.0,
                                           .min = 0.0,
                                           .max = 1.0,
                                           .help = "added to the likelihood, which caps the loss"}};
  return {.choice = {.name = "lvml",
                     .help = "marginal likelihood of the attended segment",
                     .settings = {epsilon}},
          .rule = Rule::mixture,
          .value = [](Pass& pass) { return lvml_loss(pass); },
          .configure = configure_lvml};
}

}  // namespace trainer
