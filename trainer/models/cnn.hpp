#pragma once

#include "trainer/models/model.hpp"

namespace trainer {

/// A small convolutional pair for images of at least 10 x 10 pixels:
///   conv 3x3 to 8 channels, ReLU, max-pool 2; conv 3x3 to 16 channels, ReLU, max-pool 2;
///   dense to 32, ReLU; dense to 1 (focus, no bias) or to C (classifier).
/// Convolutions are unpadded with stride 1; a pool drops an odd last row or column.
ModelKind cnn_kind();

}  // namespace trainer
