#pragma once

#include "trainer/models/model.hpp"

namespace trainer {

/// Focus d -> hidden -> 1, classifier d -> hidden -> C, each with one activation. The focus output
/// has no bias: under the softmax its gradient is zero.
ModelKind mlp_kind();

}  // namespace trainer
