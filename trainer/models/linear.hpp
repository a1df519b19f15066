#pragma once

#include "trainer/models/model.hpp"

namespace trainer {

/// Focus d -> 1 without bias, classifier d -> C, with a bias unless the settings say otherwise.
/// Source: Vashisht and Ramaswamy, ECAI 2023, their models for linear orthogonal data
ModelKind linear_kind();

}  // namespace trainer
