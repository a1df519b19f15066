#include "trainer/parameters.hpp"

#include <cmath>

namespace trainer {
namespace {

constexpr std::int64_t kAlignment = 16;  // floats in a cache line

std::int64_t count(const WeightShape& weight) {
  return c10::multiply_integers(weight.sizes);
}

std::int64_t count(const std::vector<std::vector<WeightShape>>& networks) {
  std::int64_t total = 0;
  for (const auto& weights : networks)
    for (const auto& weight : weights)
      total += count(weight);
  return total;
}

/// The first round of draws.
void draw(torch::Tensor values, const WeightShape& weight, const torch::Generator& rng) {
  if (weight.start == Start::embedding) {
    values.normal_(0, 1, rng);
    values.narrow(/*dim=*/0, 0, weight.sizes[1]).zero_();
    return;
  }
  const auto bound = 1 / std::sqrt(static_cast<double>(weight.fan_in));
  values.uniform_(-bound, bound, rng);
}

/// The second one.
void start(torch::Tensor values, const WeightShape& weight, const torch::Generator& rng) {
  if (weight.start == Start::zero) values.zero_();
  if (weight.start != Start::xavier_normal) return;
  values.normal_(0, std::sqrt(2. / static_cast<double>(weight.fan_in + weight.fan_out)), rng);
}

/// One trial's initial weights, filled up with zeros so that the next row is aligned like this one:
/// matrix products round differently at other alignments.  Shapes: -> [P]
torch::Tensor draw_row(std::int64_t seed, const std::vector<std::vector<WeightShape>>& networks) {
  const auto num_lines = (count(networks) + kAlignment - 1) / kAlignment;
  auto row = torch::zeros({num_lines * kAlignment});
  std::int64_t offset = 0;
  for (const auto& weights : networks) {
    const auto rng = at::make_generator<at::CPUGeneratorImpl>(static_cast<std::uint64_t>(seed));
    std::vector<torch::Tensor> values;
    for (const auto& weight : weights) {
      values.push_back(row.narrow(/*dim=*/0, offset, count(weight)));
      draw(values.back(), weight, rng);
      offset += count(weight);
    }
    for (std::size_t i = 0; i < weights.size(); ++i)
      start(values[i], weights[i], rng);
  }
  return row;
}

torch::Tensor draw_rows(std::span<const std::int64_t> seeds,
                        const std::vector<std::vector<WeightShape>>& networks) {
  std::vector<torch::Tensor> rows;
  for (const auto seed : seeds)
    rows.push_back(draw_row(seed, networks));
  return torch::stack(rows);  // [T, P]
}

/// Columns of the arena in a weight's own shape.  Shapes: arena [T, P] -> [T, sizes...]
torch::Tensor view_columns(const torch::Tensor& arena, std::int64_t offset,
                           const WeightShape& weight) {
  std::vector<std::int64_t> sizes = {arena.size(0)};
  sizes.insert(sizes.end(), weight.sizes.begin(), weight.sizes.end());
  return arena.narrow(/*dim=*/1, offset, count(weight)).view(sizes);
}

}  // namespace

Parameters::Parameters(std::span<const std::int64_t> seeds,
                       const std::vector<std::vector<WeightShape>>& networks, torch::Device device)
    : theta_(draw_rows(seeds, networks).to(device)), grad_(torch::zeros_like(theta_)) {
  std::int64_t offset = 0;
  for (const auto& weights : networks) {
    auto& views = networks_.emplace_back();
    for (const auto& weight : weights) {
      views.push_back(view_columns(theta_, offset, weight).detach().requires_grad_());
      offset += count(weight);
    }
  }
  filling_ = torch::zeros({theta_.size(0), theta_.size(1) - offset}, theta_.options());
}

void Parameters::differentiate(const torch::Tensor& total) {
  std::vector<torch::Tensor> leaves;
  for (const auto& views : networks_)
    leaves.insert(leaves.end(), views.begin(), views.end());
  std::vector<torch::Tensor> columns;
  for (const auto& gradient : torch::autograd::grad({total}, leaves))
    columns.push_back(gradient.flatten(1));
  columns.push_back(filling_);
  torch::cat_out(grad_, columns, /*dim=*/1);
}

}  // namespace trainer
