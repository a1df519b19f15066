#pragma once

#include "trainer/models/model.hpp"

namespace trainer {

/// Tokens as vectors of 100 features, one for each word of the vocabulary, which are the segments;
/// focus 100-200-1, classifier 100-200-C, with ReLU and biases.
/// Source: Vashisht and Ramaswamy, ECAI 2023, their simple model for HateXplain
ModelKind embedding_kind();

}  // namespace trainer
