#pragma once

#include "trainer/models/perceptron_kernel.hpp"
#include "trainer/torch.hpp"

namespace trainer {

/// The weights of T perceptrons.
struct PerceptronPack {
  torch::Tensor weight;      ///< [T, hidden, in]
  torch::Tensor bias;        ///< [T, hidden]
  torch::Tensor out_weight;  ///< [T, out, hidden]
  torch::Tensor out_bias;    ///< [T, out], undefined: none
};

/// V activation(W x + b) + c. On a CPU a kernel of our own does it in single and double precision,
/// and rounds alike for any T.
/// Shapes: points [T or 1, in, N] -> [T, out, N].  Throws: c10::Error for others.
torch::Tensor run_perceptrons(const PerceptronPack& pack, const torch::Tensor& points,
                              Activation activation);

}  // namespace trainer
