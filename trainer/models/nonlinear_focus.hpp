#pragma once

#include "trainer/models/model.hpp"

namespace trainer {

/// Focus d -> hidden -> 1 with a ReLU and without biases, classifier d -> C with bias.
/// Source: Vashisht and Ramaswamy, ECAI 2023, their Focus_non_linear and Classification_linear
ModelKind nonlinear_focus_kind();

}  // namespace trainer
