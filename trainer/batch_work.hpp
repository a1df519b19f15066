#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "trainer/datasets/batches.hpp"
#include "trainer/recorder.hpp"

namespace trainer {

/// The same work on batch after batch. With a recorder it is recorded once for every shape of batch
/// and then replayed on copies of the batches: a GPU takes longer to be told of a small kernel than
/// to run it. The first batches of a shape are worked on directly, so that memory is there and
/// libraries have made their choices. If recording fails, standard error tells why, and all is done
/// directly.
///
///   BatchWork step([&](const Batch& batch) { train(batch); }, recorder);
///   step.run(batch);
class BatchWork {
 public:
  using Work = std::function<void(const Batch& batch)>;

  /// Without a recorder run() only calls `work`. It must read nothing back from the device, and
  /// depend on nothing but the batch and the content of tensors that stay where they are.
  BatchWork(Work work, Recorder recorder);

  void run(const Batch& batch);

 private:
  struct Recording {
    int num_direct_runs = 0;
    Batch batch = {};  // what is replayed on
    Replay replay = {};
  };

  void record(const Batch& batch, Recording& recording);
  void give_up(std::string_view reason);

  Work work_;
  Recorder recorder_;
  std::map<std::vector<std::int64_t>, Recording> recordings_ = {};  // by shape
};

}  // namespace trainer
