#pragma once

#include <array>
#include <string>
#include <vector>

#include "trainer/losses/pass.hpp"
#include "trainer/settings.hpp"

namespace trainer {

/// How segments, attention and classifier make one prediction.
enum class Rule {
  argmax,   ///< of g(x_j) for the segment j of largest weight
  mixture,  ///< of sum_j a_j softmax(g(x_j))
  blend     ///< of g(sum_j a_j x_j)
};

inline constexpr std::array kRules = {Rule::argmax, Rule::mixture, Rule::blend};

/// "argmax", "mixture" or "blend".
std::string to_string(Rule rule);

/// A loss for a pack.
struct Loss {
  Choice choice = {};        ///< its name; losses have no settings of their own
  Rule rule = Rule::argmax;  ///< the rule that goes with it

  /// One value per trial, the mean over the batch.  Shapes: -> [T]   Units: nats
  torch::Tensor (*value)(Pass& pass) = nullptr;
};

/// All losses.
const std::vector<Loss>& losses();

}  // namespace trainer
