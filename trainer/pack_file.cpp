#include "trainer/pack_file.hpp"

#include <exception>
#include <iostream>
#include <utility>

namespace trainer {

PackFile::PackFile(const protocol::PackRequest& request, std::string identity)
    : request_(request), identity_(std::move(identity)) {
  for (const auto& trial : request.trials)
    ids_.push_back(trial.id);
}

std::optional<PackState> PackFile::load() {
  if (!request_.resume) return std::nullopt;
  try {
    const auto found = read_checkpoint(request_.checkpoint);
    if (!found) return std::nullopt;
    if (found->identity != identity_) throw CheckpointError("it is of another training");
    auto checkpoint = select(*found, ids_);
    former_elapsed_s_ = checkpoint.elapsed_s;
    return PackState{checkpoint.next_batch, std::move(checkpoint.tensors)};
  } catch (const std::exception& error) {
    std::cerr << "cannot go on from " << request_.checkpoint << " (" << error.what()
              << "), the pack starts from its beginning" << std::endl;
    return std::nullopt;
  }
}

void PackFile::save(const PackState& state, double elapsed_s) const {
  if (request_.checkpoint.empty()) return;
  try {
    write_checkpoint(request_.checkpoint, {.identity = identity_,
                                           .ids = ids_,
                                           .next_batch = state.next_batch,
                                           .elapsed_s = former_elapsed_s_ + elapsed_s,
                                           .tensors = state.tensors});
  } catch (const std::exception& error) {
    std::cerr << "cannot save the pack (" << error.what() << "), training goes on" << std::endl;
  }
}

}  // namespace trainer
