#pragma once

#include "trainer/models/model.hpp"

namespace trainer {

/// The convolutional pair for CIFAR-10. A convolution and each dense layer but the last is followed
/// by a ReLU, P is a 2 x 2 max-pool:
///   focus       conv 3x3 to 32, P; conv 3x3 to 64, P; conv 3x3 to 64; dense 512, 64, 10, 1;
///               no biases
///   classifier  conv 5x5 to 6, P; conv 5x5 to 16, P; dense 120, 84, 10, C; biases start at zero
/// All weights start Xavier-normal.
/// Source: Vashisht and Ramaswamy, ECAI 2023, their Focus_cnn and Classification_cnn
ModelKind cifar10_cnn_kind();

/// The pair for CIFAR-100, made and started alike:
///   focus       the same convolutions; dense 512, 64, 1
///   classifier  conv 5x5 to 16, P; conv 5x5 to 32, P; dense 120, C
/// Source: the same, Focus_cnn1 and Classification_cnn1
ModelKind cifar100_cnn_kind();

}  // namespace trainer
