#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "trainer/torch.hpp"

namespace trainer {

/// The state of a pack between two steps, from which its training goes on bit for bit.
struct Checkpoint {
  std::string identity = {};          ///< of what is trained; another one's state is of no use
  std::vector<std::string> ids = {};  ///< of the trials, in the order of the rows
  std::int64_t next_batch = 0;        ///< of the epoch in progress
  double elapsed_s = 0;               ///< trained so far
  std::map<std::string, torch::Tensor> tensors = {};  ///< each [T, ...], on any device
};

/// The file is there and is no whole checkpoint.
class CheckpointError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The rows of some of its trials, in a new order.
/// Throws: CheckpointError if it does not hold them all.
Checkpoint select(const Checkpoint& checkpoint, const std::vector<std::string>& ids);

/// Replaces the file in one step: whatever happens, there is the former one or this one, whole.
/// The bytes: "mpsckpt1", their XXH3 of 64 bits, then a CBOR object.
/// Throws: protocol::StorageError.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Tensors come back on the CPU. Nothing if there is no such file.
/// Throws: CheckpointError; protocol::StorageError if it cannot be read.
std::optional<Checkpoint> read_checkpoint(const std::filesystem::path& path);

}  // namespace trainer
