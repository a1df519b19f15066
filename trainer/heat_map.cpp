#include "trainer/heat_map.hpp"

#include <limits>

#include "trainer/metrics.hpp"

namespace trainer {
namespace {

/// 0, .2, .4, .6, .8, 1.  Shapes: -> [6] double
torch::Tensor fifths(torch::Device device) {
  return torch::arange(kHeatBins + 1, torch::TensorOptions(torch::kDouble).device(device)) /
         static_cast<double>(kHeatBins);
}

/// Shapes: values [T, N], edges [T, 6] -> [T, N] int64 in 0 .. 4
torch::Tensor bins_of(const torch::Tensor& values, const torch::Tensor& edges) {
  const auto inner = edges.slice(/*dim=*/1, 1, kHeatBins).contiguous();  // [T, 4]
  return torch::searchsorted(inner, values, /*out_int32=*/false, /*right=*/true);
}

}  // namespace

torch::Tensor fixed_edges(const torch::Tensor& values) {
  return fifths(values.device()).to(values.scalar_type()).expand({values.size(0), -1});
}

torch::Tensor data_range_edges(const torch::Tensor& values) {
  if (values.size(1) == 0) {
    return torch::full({values.size(0), kHeatBins + 1}, std::numeric_limits<double>::quiet_NaN(),
                       values.options());
  }
  const auto smallest = values.amin(/*dim=*/1, /*keepdim=*/true).to(torch::kDouble);  // [T, 1]
  const auto largest = values.amax(/*dim=*/1, /*keepdim=*/true).to(torch::kDouble);   // [T, 1]
  return torch::lerp(smallest, largest, fifths(values.device())).to(values.scalar_type());
}

torch::Tensor heat_map(const torch::Tensor& x, const torch::Tensor& x_edges, const torch::Tensor& y,
                       const torch::Tensor& y_edges) {
  const auto bins = bins_of(x, x_edges) * kHeatBins + bins_of(y, y_edges);  // [T, N]
  const auto is_point = x.isnan().logical_or(y.isnan()).logical_not();      // [T, N]
  const auto counts = torch::zeros({x.size(0), kHeatBins * kHeatBins},
                                   torch::TensorOptions(torch::kDouble).device(x.device()))
                          .scatter_add_(/*dim=*/1, bins, is_point.to(torch::kDouble));
  return (counts / static_cast<double>(x.size(1))).view({-1, kHeatBins, kHeatBins});
}

void HeatPoints::add(Pass& pass, const torch::Tensor& foreground) {
  const auto has_foreground =
      pass.without_blanks(foreground.any(/*dim=*/0)).nonzero().squeeze(/*dim=*/1);  // [N]
  focus_.push_back(foreground_weight(pass, foreground).index_select(/*dim=*/1, has_foreground));
  for (const auto rule : kRules) {
    score_[rule].push_back(label_probabilities(pass, rule).index_select(/*dim=*/1, has_foreground));
  }
}

HeatMaps HeatPoints::maps() const {
  const auto x = torch::cat(focus_, /*dim=*/1);  // [T, N]
  const auto x_edges = data_range_edges(x);
  HeatMaps maps = {.focus_edges = x_edges.cpu()};
  for (const auto& [rule, batches] : score_) {
    const auto y = torch::cat(batches, /*dim=*/1);  // [T, N]
    const auto y_edges = data_range_edges(y);
    maps.by_rule[rule] = {.fixed = heat_map(x, fixed_edges(x), y, fixed_edges(y)).cpu(),
                          .data_range = heat_map(x, x_edges, y, y_edges).cpu(),
                          .score_edges = y_edges.cpu()};
  }
  return maps;
}

}  // namespace trainer
