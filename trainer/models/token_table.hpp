#pragma once

#include <cstdint>

#include "trainer/parameters.hpp"
#include "trainer/torch.hpp"

/// Tokens as vectors that are learned. Token 0 fills up short inputs: its vector is zero for ever.
namespace trainer {

/// A table with one row per token.
WeightShape token_table(std::int64_t vocabulary, std::int64_t features);

/// The rows of tokens. No gradient reaches row 0.
/// Shapes: table [T, V, d], tokens [m, B] int64 below V -> [T, d, m, B]
torch::Tensor look_up(const torch::Tensor& table, const torch::Tensor& tokens);

}  // namespace trainer
