#pragma once

#include <string>

#include "trainer/study.hpp"

namespace trainer {

/// Inputs of several segments, one of which carries the label: a focus network learns where to
/// look, a classifier what is there, both from one loss.
/// Source: Vashisht and Ramaswamy, "On the Learning Dynamics of Attention Networks", ECAI 2023
Study focus_classification(const std::string& device);

}  // namespace trainer
