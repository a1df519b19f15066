#include "trainer/pack_history.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

namespace trainer {
namespace {

using Numbers = std::array<double, sizeof(Metrics) / sizeof(double)>;  // a Metrics as it lies
static_assert(std::is_trivially_copyable_v<Metrics> && sizeof(Numbers) == sizeof(Metrics));

/// Shapes: -> [T, entries, numbers] double
torch::Tensor to_tensor(const Curve& curve, std::size_t num_trials) {
  const auto tensor = torch::empty({std::ssize(curve), static_cast<std::int64_t>(num_trials),
                                    static_cast<std::int64_t>(Numbers().size())},
                                   torch::kDouble);
  auto* to = tensor.mutable_data_ptr<double>();
  for (const auto& trials : curve) {
    for (const auto& metrics : trials)
      to = std::ranges::copy(std::bit_cast<Numbers>(metrics), to).out;
  }
  return tensor.transpose(0, 1).contiguous();
}

/// Shapes: tensor [T, entries, numbers] double
Curve to_curve(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.size(2) == std::ssize(Numbers()), "a saved curve has ", tensor.size(2),
              " metrics in place of ", std::ssize(Numbers()));
  const auto by_entry = tensor.transpose(0, 1).contiguous();
  const auto* from = by_entry.const_data_ptr<double>();
  Curve curve(static_cast<std::size_t>(tensor.size(1)),
              TrialMetrics(static_cast<std::size_t>(tensor.size(0))));
  for (auto& trials : curve) {
    for (auto& metrics : trials) {
      Numbers numbers;
      from = std::ranges::copy_n(from, std::ssize(numbers), numbers.begin()).in;
      metrics = std::bit_cast<Metrics>(numbers);
    }
  }
  return curve;
}

}  // namespace

std::map<std::string, torch::Tensor> to_tensors(const SplitHistory& split, const std::string& name,
                                                std::size_t num_trials) {
  std::map<std::string, torch::Tensor> tensors = {{name, to_tensor(split.own, num_trials)}};
  for (const auto& [rule, curve] : split.by_rule)
    tensors[name + "_" + to_string(rule)] = to_tensor(curve, num_trials);
  return tensors;
}

SplitHistory curves_from(const std::map<std::string, torch::Tensor>& tensors,
                         const std::string& name) {
  SplitHistory split = {.own = to_curve(tensors.at(name))};
  for (const auto rule : kRules) {
    const auto found = tensors.find(name + "_" + to_string(rule));
    if (found != tensors.end()) split.by_rule[rule] = to_curve(found->second);
  }
  return split;
}

}  // namespace trainer
