#pragma once

#include <cstdint>

#include "trainer/models/model.hpp"
#include "trainer/models/perceptron_pack.hpp"

namespace trainer {

struct PerceptronOptions {
  Activation activation = Activation::relu;
  bool has_out_bias = true;
};

/// A network in-hidden-out. Its weights may follow others in the list that forward() gets.
Network perceptron(std::int64_t in, std::int64_t hidden, std::int64_t out,
                   const PerceptronOptions& options = {});

}  // namespace trainer
