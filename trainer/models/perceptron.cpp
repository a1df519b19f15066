#include "trainer/models/perceptron.hpp"

#include "trainer/models/dense.hpp"

namespace trainer {

Network perceptron(std::int64_t in, std::int64_t hidden, std::int64_t out,
                   const PerceptronOptions& options) {
  auto weights = dense_weights_and_bias(in, hidden);
  const auto last =
      options.has_out_bias ? dense_weights_and_bias(hidden, out) : dense_weights(hidden, out);
  weights.insert(weights.end(), last.begin(), last.end());
  const auto num_weights = weights.size();
  return {
      .weights = weights,
      .forward =
          [options, num_weights](std::span<const torch::Tensor> all, const torch::Tensor& points) {
            const auto own = all.last(num_weights);
            return run_perceptrons({.weight = own[0],
                                    .bias = own[1],
                                    .out_weight = own[2],
                                    .out_bias = options.has_out_bias ? own[3] : torch::Tensor()},
                                   points, options.activation);
          },
      .floats_per_point = hidden};
}

}  // namespace trainer
