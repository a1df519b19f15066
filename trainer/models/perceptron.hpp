#pragma once

#include <cstdint>

#include "trainer/models/model.hpp"

namespace trainer {

/// A network in-hidden-out with ReLU and biases. Its weights may follow others in the list that
/// forward() gets.
Network perceptron(std::int64_t in, std::int64_t hidden, std::int64_t out);

}  // namespace trainer
