#pragma once

#include <cstdint>
#include <span>

#include "trainer/losses/pass.hpp"
#include "trainer/torch.hpp"

namespace trainer {

/// What metrics add up of a batch, of each trial over the real inputs. Absent segments count in no
/// gap, and none of them is foreground.
struct BatchSum {
  enum Row : std::int64_t {
    weights,          ///< on the foreground
    score_gaps,       ///< mean score of the foreground minus that of the other segments
    with_foreground,  ///< inputs
    with_score_gap,   ///< inputs with segments of both kinds
    focused,          ///< inputs whose segment of largest weight is in the foreground
    of_predictions    ///< from here on, of each: inputs predicted right, and those also focused
  };
};

/// On a CPU in one go, elsewhere by operators.
/// Shapes: foreground [m, B] bool, predictions each [T, B] int64
///         -> [of_predictions + 2 * predictions, T] double
torch::Tensor sum_batch(Pass& pass, const torch::Tensor& foreground,
                        std::span<const torch::Tensor> predictions);

/// Log probability of the label minus its mean over the other classes, mean over an input's
/// foreground.  Shapes: foreground [m, B] bool -> [T] double
torch::Tensor sum_of_logit_gaps(Pass& pass, const torch::Tensor& foreground);

}  // namespace trainer
