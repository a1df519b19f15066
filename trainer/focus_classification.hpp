#pragma once

#include <string>

#include "trainer/study.hpp"

namespace trainer {

/// Inputs of several segments, one of which carries the label: a focus network learns where to
/// look, a classifier what is there, both from one loss.
/// On a GPU, widths of packs are measured and kept in the file `cache` if it names one.
/// Source: Vashisht and Ramaswamy, "On the Learning Dynamics of Attention Networks", ECAI 2023
Study focus_classification(const std::string& device, const std::string& cache = {});

}  // namespace trainer
