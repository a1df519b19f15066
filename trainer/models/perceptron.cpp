#include "trainer/models/perceptron.hpp"

#include "trainer/models/dense.hpp"

namespace trainer {

Network perceptron(std::int64_t in, std::int64_t hidden, std::int64_t out) {
  auto weights = dense_weights_and_bias(in, hidden);
  const auto last = dense_weights_and_bias(hidden, out);
  weights.insert(weights.end(), last.begin(), last.end());
  return {.weights = weights,
          .forward =
              [](std::span<const torch::Tensor> all, const torch::Tensor& points) {
                const auto own = all.last<4>();
                const auto units =
                    dense(own[0], own[1], points, Activation::relu);  // [T, hidden, N]
                return dense(own[2], own[3], units);
              },
          .floats_per_point = hidden};
}

}  // namespace trainer
