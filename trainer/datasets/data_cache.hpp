#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "trainer/datasets/batches.hpp"
#include "trainer/torch.hpp"

namespace trainer {

/// A data set on the device, in batches.
struct BatchedData {
  DataShape shape = {};
  Batches train = {};
  std::optional<Batches> test = {};
};

/// Keeps the data sets of recent packs on the device, since the next pack often has the same one.
class DataCache {
 public:
  explicit DataCache(torch::Device device) : device_(device) {}

  /// `settings` is the resolved section "dataset".  Throws: SettingError.
  std::shared_ptr<const BatchedData> get(const nlohmann::json& settings, std::int64_t batch_size);

 private:
  struct Entry {
    nlohmann::json settings;
    std::int64_t batch_size;
    std::shared_ptr<const BatchedData> data;
  };

  torch::Device device_;
  std::list<Entry> entries_ = {};  // the latest first
};

}  // namespace trainer
