#pragma once

#include <cstdint>

#include "trainer/pack_loop.hpp"

namespace trainer {

/// A pack of equal trials on one and the same batch of inputs that are made up. Of the task its
/// first phase is trained; its batches are not looked at.
struct MadeUpPack {
  const PackTask& task;
  const DataShape& shape;
  std::int64_t batch_size = 1;  ///< >= 1
  int width = 1;                ///< >= 1
  torch::Device device = torch::kCPU;
};

/// Returns when the device has done so many steps.  Throws: c10::OutOfMemoryError
void train(const MadeUpPack& pack, int num_steps);

/// The trial-steps per second, measured for about 0.1 s; 0 if the pack takes more memory than there
/// is.
double measure_speed(const MadeUpPack& pack);

}  // namespace trainer
