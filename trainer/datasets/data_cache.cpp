#include "trainer/datasets/data_cache.hpp"

#include <algorithm>
#include <utility>

namespace trainer {
namespace {

constexpr std::size_t kMaxEntries = 3;

std::shared_ptr<const BatchedData> load(const nlohmann::json& settings, std::int64_t batch_size,
                                        torch::Device device) {
  const auto data = find_data_set_kind(settings).load(settings);
  BatchedData batched = {.shape = data.shape, .train = Batches(data.train.to(device), batch_size)};
  if (data.test) {
    auto test = data.test->to(device);
    if (data.test->points.is_same(data.train.points)) test.points = batched.train.split().points;
    batched.test = Batches(std::move(test), batch_size);
  }
  return std::make_shared<BatchedData>(std::move(batched));
}

}  // namespace

std::shared_ptr<const BatchedData> DataCache::get(const nlohmann::json& settings,
                                                  std::int64_t batch_size) {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.batch_size == batch_size && entry.settings == settings;
  });
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
    return found->data;
  }
  if (entries_.size() == kMaxEntries) entries_.pop_back();
  entries_.push_front({settings, batch_size, load(settings, batch_size, device_)});
  return entries_.front().data;
}

}  // namespace trainer
