#pragma once

#include "trainer/losses/loss.hpp"

namespace trainer {

/// A segment of every input, drawn by its weight; never one that is absent.
/// Shapes: attention [T, m, B], uniform [T, B] in [0, 1), absent [m, B] bool or undefined
///         -> [T, B] int64
torch::Tensor draw_segments(const torch::Tensor& attention, const torch::Tensor& uniform,
                            const torch::Tensor& absent = {});

/// What a step of sampled hard attention differentiates. The mean of its gradient over the draws is
/// the gradient of hard_loss(), whatever the baseline b that does not depend on them.
/// objective = - mean_B ( r + (r - b) log a_z ),  r = log softmax(g(x_z))_y,  r - b a constant
///
/// Shapes: drawn [T, B] int64, the z; rewards [T, B], the r; baseline [T or 1, B or 1] -> [T]
/// Source: Williams, Machine Learning 1992 (REINFORCE)
torch::Tensor reinforce_objective(Pass& pass, const torch::Tensor& drawn,
                                  const torch::Tensor& rewards, const torch::Tensor& baseline);

/// Draws one segment per input and step, and classifies no other to train. Its value is
/// hard_loss(), exactly: what it descends on average.
/// Baselines: none          b = 0
///            moving_average b <- decay b + (1 - decay) mean_B r after each step, 0 at first
///            exact         b = sum_j a_j log softmax(g(x_j))_y, which classifies every segment
Loss reinforce();

}  // namespace trainer
