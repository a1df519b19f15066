#include "trainer/losses/hard.hpp"
#include "trainer/losses/loss.hpp"
#include "trainer/losses/lvml.hpp"
#include "trainer/losses/soft.hpp"

namespace trainer {

const std::vector<Loss>& losses() {
  static const std::vector<Loss> all = {soft(), hard(), lvml()};
  return all;
}

std::string to_string(Rule rule) {
  if (rule == Rule::argmax) return "argmax";
  return rule == Rule::mixture ? "mixture" : "blend";
}

}  // namespace trainer
