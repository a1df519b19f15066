#include "trainer/models/token_table.hpp"

namespace trainer {

WeightShape token_table(std::int64_t vocabulary, std::int64_t features) {
  return {.sizes = {vocabulary, features}, .start = Start::embedding};
}

torch::Tensor look_up(const torch::Tensor& table, const torch::Tensor& tokens) {
  constexpr std::int64_t kPadding = 0;
  const auto index = tokens.flatten();  // [m B]
  std::vector<torch::Tensor> of_trials;
  for (const auto& rows :
       table.unbind())  // index_select() of all in one is slower to differentiate
    of_trials.push_back(torch::embedding(rows, index, kPadding).t());  // [d, m B]
  return torch::stack(of_trials).unflatten(2, tokens.sizes());
}

}  // namespace trainer
