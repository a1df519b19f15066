#pragma once

#include "trainer/torch.hpp"

namespace trainer {

/// log sum_r exp(x_r) over the second dimension. On a CPU a kernel of our own rounds alike for any
/// T; there it is not a number where the largest x_r is infinite.
/// Shapes: values [T, R, ..] -> [T, ..]
torch::Tensor log_sum_exp(const torch::Tensor& values);

/// exp(x_r) / sum_s exp(x_s) over the second dimension, with the same kernel; 0 where x_r is -inf.
/// Shapes: values [T, R, ..] -> the same
torch::Tensor softmax(const torch::Tensor& values);

/// log softmax of the logits at the labels, l_y - log sum_c exp(l_c), without the other classes'.
/// Shapes: logits [T, C, B] or [T, C, m, B], labels [B] int64 -> [T, B] or [T, m, B]
/// Throws: c10::Error for other shapes, or, on a CPU, for labels outside 0 .. C - 1.
torch::Tensor label_log_probabilities(const torch::Tensor& logits, const torch::Tensor& labels);

}  // namespace trainer
