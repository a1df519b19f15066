#pragma once

#include "trainer/datasets/data_set.hpp"

namespace trainer {

/// The value of `images` that asks for it.
inline constexpr const char* kGaussianImages = "gaussian";

/// Points of normal distributions in place of images. Each class of foreground and background has a
/// mean drawn from scale N(0, I), each segment is its class's mean + noise N(0, I), drawn for it
/// alone. Of every input one segment, at a uniform position, is of a foreground class, which is the
/// label; the others are each of a uniform background class. All follow from `seed`; there is no
/// test set.
DataSetKind gaussian_mosaic_kind();

}  // namespace trainer
