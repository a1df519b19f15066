#pragma once

#include "trainer/datasets/data_set.hpp"

namespace trainer {

/// Posts of random tokens that need no files. Three to `longest` tokens tell nothing but one to
/// three of them, which are the rationale: each is one of the four words of the label's class with
/// probability `signal`, else one of another class. Of one post in eight the rationale is not
/// given. Post i follows from `seed` and i alone; test posts are the next after training.
DataSetKind generated_posts_kind();

}  // namespace trainer
