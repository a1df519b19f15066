#pragma once

#include "trainer/datasets/data_set.hpp"

namespace trainer {

/// Generated inputs that a linear model can solve: the foreground of class c is the unit vector
/// e_c with a relative noise of 1e-5, a background is noise of deviation 0.1 in the last of the
/// C + 1 coordinates. The foreground is always segment 0; there is no test set.
/// Source: Vashisht and Ramaswamy, ECAI 2023, their linear orthogonal data; the pool of points,
/// unseeded there, comes from `seed`.
DataSetKind linear_orthogonal_kind();

}  // namespace trainer
