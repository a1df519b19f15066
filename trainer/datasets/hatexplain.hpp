#pragma once

#include "trainer/datasets/data_set.hpp"

namespace trainer {

/// Posts of social media, labelled hate (0), normal (1) or offensive (2) by their first annotator;
/// the first rationale listed, mostly the same one's, is the foreground. Training posts are those
/// of `train` in the order of the file of divisions; what is measured beside them is `test`, or
/// `validation` (val). The vocabulary numbers the words of train, test and val, in this order, as
/// they come; none is left out. Source: Mathew et al., AAAI 2021; as the code of Vashisht and
/// Ramaswamy, ECAI 2023, reads it
DataSetKind hatexplain_kind();

}  // namespace trainer
