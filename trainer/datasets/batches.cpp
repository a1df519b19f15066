#include "trainer/datasets/batches.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "trainer/datasets/draws.hpp"

namespace trainer {
namespace {

/// Bytes become the numbers they stand for.
torch::Tensor to_float(const torch::Tensor& segments) {
  if (segments.scalar_type() != torch::kByte) return segments;
  return segments.to(torch::kFloat).div_(127.5).sub_(1);
}

/// Zeros fill the last dimension up to a multiple of Batch::kAlignment.
torch::Tensor pad(const torch::Tensor& tensor) {
  const auto size = tensor.size(-1);
  const auto padded = (size + Batch::kAlignment - 1) / Batch::kAlignment * Batch::kAlignment;
  return torch::constant_pad_nd(tensor, {0, padded - size});
}

/// How many segments the longest input of each batch has. Waits for the device, once.
std::vector<std::int64_t> longest_of_batches(const Split& split, std::int64_t batch_size) {
  if (!split.absent.defined()) return {};
  const auto lengths = split.absent.logical_not().sum(/*dim=*/1).cpu();  // [N]
  std::vector<std::int64_t> longest;
  for (const auto& of_batch : lengths.split(batch_size))
    longest.push_back(of_batch.max().item<std::int64_t>());
  return longest;
}

std::int64_t size_bytes(const Split& split) {
  return split.members.numel() * split.points.size(1) * split.points.element_size();
}

/// A random order of 0 .. size - 1 (Fisher and Yates).
torch::Tensor draw_order(std::int64_t size, std::mt19937& rng) {
  auto order = torch::arange(size);
  auto* data = order.mutable_data_ptr<std::int64_t>();
  for (auto i = static_cast<std::uint32_t>(size); i > 1; --i) {
    std::swap(data[i - 1], data[draw_below(i, rng)]);
  }
  return order;
}

}  // namespace

Batches::Batches(Split split, std::int64_t batch_size)
    : split_(std::move(split)),
      batch_size_(std::min(batch_size, split_.size())),
      longest_(longest_of_batches(split_, batch_size_)) {
  if (size_bytes(split_) > kKeptBytes) return;
  std::vector<Batch> kept;
  for (std::int64_t i = 0; i < count(); ++i)
    kept.push_back(gather(i));
  kept_ = std::move(kept);
}

std::int64_t Batches::count() const {
  return (split_.size() + batch_size_ - 1) / batch_size_;
}

Batch Batches::gather(std::int64_t index) const {
  const auto begin = index * batch_size_;
  const auto end = std::min(begin + batch_size_, split_.size());
  const auto m =
      longest_.empty() ? split_.members.size(1) : longest_[static_cast<std::size_t>(index)];
  const auto take = [&](const torch::Tensor& of_segments) {
    return of_segments.slice(/*dim=*/0, begin, end).narrow(/*dim=*/1, 0, m).t();  // [m, B]
  };
  const auto members = take(split_.members);
  const auto points = split_.points.index_select(/*dim=*/0, members.flatten());  // [m B, d]
  const auto segments = points.t().reshape({1, -1, members.size(0), members.size(1)});
  return {.segments = pad(segments).contiguous(),
          .labels = pad(split_.labels.slice(/*dim=*/0, begin, end)),
          .foreground = pad(take(split_.foreground)),
          .num_inputs = end - begin,
          .absent = longest_.empty() ? torch::Tensor() : pad(take(split_.absent))};
}

Batch Batches::operator[](std::int64_t index) const {
  auto batch = kept_.empty() ? gather(index) : kept_[static_cast<std::size_t>(index)];
  batch.segments = to_float(batch.segments);
  return batch;
}

Batches shuffle(const Batches& batches, std::uint64_t seed, int epoch) {
  std::seed_seq entropy = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                           static_cast<std::uint32_t>(epoch)};
  std::mt19937 rng(entropy);
  const auto order = draw_order(batches.split().size(), rng);
  return Batches(reorder(batches.split(), order), batches.batch_size());
}

}  // namespace trainer
