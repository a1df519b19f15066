#pragma once

#include "trainer/torch.hpp"

namespace trainer {

/// Scores under which the segments of the foreground share the attention `weight`, the others the
/// rest, evenly. Inputs that are all foreground or all background attend evenly.
///
/// Shapes: foreground [m, B] bool -> [1, m, B]   Ranges: weight in (0, 1]
torch::Tensor fixed_scores(double weight, const torch::Tensor& foreground);

}  // namespace trainer
