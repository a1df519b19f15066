#pragma once

#include "trainer/study.hpp"

namespace trainer {

/// The theory beside the measurements: how logit gap, score gap and focus develop under gradient
/// flow for one loss, by integration where both learn and in closed form where the focus is fixed.
/// A trial is one combination of settings; it has no learning rate, and its seed changes nothing.
/// The mathematics is in trainer/gradient_flow/.
Study gradient_flow();

}  // namespace trainer
