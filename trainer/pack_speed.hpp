#pragma once

#include "trainer/pack_loop.hpp"

namespace trainer {

/// The trial-steps per second of a pack of `width` trials in the first phase of the task, measured
/// for about 0.1 s on inputs made up for it; 0 if it takes more memory than there is. The batches
/// of the task are not looked at.
/// Ranges: batch_size, width >= 1
double measure_pack_speed(const PackTask& task, const DataShape& shape, std::int64_t batch_size,
                          int width, torch::Device device);

/// Trains such a pack for so many steps, and returns when the device has done them.
/// Throws: c10::OutOfMemoryError
void train_made_up_pack(const PackTask& task, const DataShape& shape, std::int64_t batch_size,
                        int width, torch::Device device, int num_steps);

}  // namespace trainer
