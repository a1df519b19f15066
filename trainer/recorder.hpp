#pragma once

#include <functional>

namespace trainer {

/// Does recorded work once more, on whatever the same memory then holds.
using Replay = std::function<void()>;

/// Records what `work` asks of the device without doing it. All memory that the work goes on from
/// or leaves behind must be there before.
/// Throws: std::exception if the device cannot record it.
using Recorder = std::function<Replay(const std::function<void()>& work)>;

}  // namespace trainer
