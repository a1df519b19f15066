#include "trainer/models/token_table.hpp"

namespace trainer {

WeightShape token_table(std::int64_t vocabulary, std::int64_t features) {
  return {.sizes = {vocabulary, features}, .start = Start::embedding};
}

torch::Tensor look_up(const torch::Tensor& table, const torch::Tensor& tokens) {
  constexpr std::int64_t kPadding = 0;
  const auto index = tokens.flatten();  // [m B]
  std::vector<torch::Tensor> of_trials;
  of_trials.reserve(static_cast<std::size_t>(table.size(0)));
  for (const auto& rows : table.unbind())  // faster to differentiate than all in one
    of_trials.push_back(torch::embedding(rows, index, kPadding).t());  // [d, m B]
  return torch::stack(of_trials).unflatten(2, tokens.sizes());
}

}  // namespace trainer
