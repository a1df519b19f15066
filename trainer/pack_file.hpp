#pragma once

#include <optional>
#include <string>

#include "protocol/messages.hpp"
#include "trainer/checkpoint.hpp"
#include "trainer/pack_loop.hpp"

namespace trainer {

/// Where a pack's state is kept between two processes that train it. Trouble with the file costs
/// the state alone: it is told on standard error, and training goes on.
class PackFile {
 public:
  /// `identity` tells one kind of training from another: a state is only used for its own kind.
  PackFile(const protocol::PackRequest& request, std::string identity);

  /// The state to go on from; nothing if the pack begins, or its file cannot be used.
  std::optional<PackState> load();

  /// Does nothing without a path.
  void save(const PackState& state, double elapsed_s) const;

  /// Training time before load(), in seconds.
  double former_elapsed_s() const { return former_elapsed_s_; }

 private:
  const protocol::PackRequest& request_;
  std::string identity_;
  std::vector<std::string> ids_ = {};
  double former_elapsed_s_ = 0;
};

}  // namespace trainer
