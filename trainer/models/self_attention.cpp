#include "trainer/models/self_attention.hpp"

#include <cmath>
#include <limits>

#include "trainer/models/dense.hpp"

namespace trainer {

std::vector<WeightShape> SelfAttention::weights() const {
  std::vector<WeightShape> all(3, dense_weights(features, features).front());
  const auto output = dense_weights_and_bias(features, features);
  all.insert(all.end(), output.begin(), output.end());
  return all;
}

torch::Tensor SelfAttention::forward(std::span<const torch::Tensor> weights, const torch::Tensor& x,
                                     const torch::Tensor& hidden) const {
  const auto T = weights[0].size(0);
  const auto m = x.size(2);
  const auto B = x.size(3);
  const auto points = x.flatten(2);  // [T, d, m B]
  const auto of_heads = [&](const torch::Tensor& weight) {
    return dense(weight, points).view({T, heads, -1, m, B}).permute({0, 1, 4, 3, 2});
  };
  const auto q = of_heads(weights[0]) / std::sqrt(scale);  // [T, heads, B, m, d / heads]
  const auto k = of_heads(weights[1]).transpose(3, 4);     // [T, heads, B, d / heads, m]
  auto scores = torch::matmul(q, k);                       // [T, heads, B, m, m of keys]
  if (hidden.defined()) {
    scores = scores.masked_fill(hidden.unsqueeze(2), -std::numeric_limits<double>::infinity());
  }
  const auto attention = torch::softmax(scores, /*dim=*/4, weights[0].scalar_type());
  const auto seen = torch::matmul(attention, of_heads(weights[2]));
  const auto joined = seen.permute({0, 1, 4, 3, 2}).reshape({T, features, m * B});
  return dense(weights[3], weights[4], joined).view({T, features, m, B});
}

}  // namespace trainer
