#pragma once

#include "trainer/models/model.hpp"

namespace trainer {

/// Tokens as vectors of 100 features, to which a code of their position is added, then dropout and
/// one layer of self-attention with two heads, added to what it looked at; these are the segments.
/// Focus 100-50-1, classifier 100-200-C, with ReLU and biases.
///
/// Some settings bring back what the published code does and hardly meant:
///   position: batch   the code is that of the input's place in its batch
///   mask: tiled       head h of input b does not see what input (2 b + h) mod num_inputs lacks
///   qk_scale          100 (soft, hard) and 64 (lvml) in place of the 50 features of a head
///   eval_dropout      dropout while it measures, too
/// Source: Vashisht and Ramaswamy, ECAI 2023, their transformer for HateXplain
ModelKind transformer_kind();

/// sin and cos of the position at 50 frequencies, in turn.
/// code_2i = sin(p / 10000^(2i / 100)), code_2i+1 = cos(p / 10000^(2i / 100))
///
/// Shapes: -> [100, count]        Source: Vaswani et al., NeurIPS 2017
torch::Tensor position_code(std::int64_t count, torch::TensorOptions options);

}  // namespace trainer
