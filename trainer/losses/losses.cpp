#include "trainer/losses/hard.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/losses/lvml.hpp"
#include "trainer/losses/lvml_em.hpp"
#include "trainer/losses/lvml_logits.hpp"
#include "trainer/losses/reinforce.hpp"
#include "trainer/losses/soft.hpp"
#include "trainer/registry.hpp"

namespace trainer {

const std::vector<Loss>& losses() {
  static const std::vector<Loss> all = {soft(),    hard(),        lvml(),
                                        lvml_em(), lvml_logits(), reinforce()};
  return all;
}

Loss make_loss(const nlohmann::json& settings) {
  auto loss = find_kind(losses(), settings.at("name"));
  if (loss.configure != nullptr) loss.configure(loss, settings);
  return loss;
}

torch::Tensor objective_of(const Loss& loss, Pass& pass, const Step& step) {
  return loss.objective ? loss.objective(pass, step) : loss.value(pass);
}

std::string to_string(Rule rule) {
  if (rule == Rule::argmax) return "argmax";
  return rule == Rule::mixture ? "mixture" : "blend";
}

}  // namespace trainer
