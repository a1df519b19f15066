#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "trainer/losses/pass.hpp"
#include "trainer/settings.hpp"
#include "trainer/step_draws.hpp"

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

/// What the classifier is asked to name in a step.
enum class Classified { segments, blend };

/// Where training stands, for losses that draw or remember.
struct Step {
  Moment moment = {};
  torch::Tensor& memory;  ///< [T], zeros where the loss sets in; kept with the pack's state
};

/// A loss for a pack. Most are no more than the first three fields.
struct Loss {
  Choice choice = {};        ///< its name, and its settings if it has any
  Rule rule = Rule::argmax;  ///< the rule that goes with it

  /// What is minimised and shown: one value per trial, the mean over the batch.
  /// Shapes: -> [T]   Units: nats
  std::function<torch::Tensor(Pass& pass)> value = {};

  /// What a training step differentiates in place of the value, for losses that come by its
  /// gradient in another way; absent: the value itself.  Shapes: -> [T]
  std::function<torch::Tensor(Pass& pass, const Step& step)> objective = {};

  /// Fits the functions to the resolved settings of the choice; absent: it has none.
  void (*configure)(Loss& loss, const nlohmann::json& settings) = nullptr;

  Classified classified = Classified::segments;
};

/// All losses, not yet fitted to settings.
const std::vector<Loss>& losses();

/// The loss that the resolved section "loss" asks for: {"name": "lvml", "epsilon": 0.0}.
Loss make_loss(const nlohmann::json& settings);

/// What a training step under the loss differentiates.  Shapes: -> [T]
torch::Tensor objective_of(const Loss& loss, Pass& pass, const Step& step);

}  // namespace trainer
