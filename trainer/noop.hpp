#pragma once

#include "trainer/study.hpp"

namespace trainer {

/// A study that trains nothing: what a sweep costs beside its training, and values that are known
/// beforehand.
///   value = seed · learning_rate        curve[epoch] = value / (epoch + 1)
/// A trial takes `seconds`, asleep: scheduling can be measured without as many cores.
/// An absent seed counts as 0, an absent learning rate as 1.
Study noop();

}  // namespace trainer
