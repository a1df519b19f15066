#include "trainer/metrics.hpp"

namespace trainer {
namespace {

/// log softmax g(x_j) of the segment j of largest weight.  Shapes: -> [T, C, B]
torch::Tensor attended_log_probabilities(Pass& pass) {
  const auto& log_p = pass.segment_log_probabilities();             // [T, C, m, B]
  const auto index = pass.attended().unsqueeze(1).unsqueeze(1);     // [T, 1, 1, B]
  const auto expanded = index.expand({-1, log_p.size(1), -1, -1});  // [T, C, 1, B]
  return log_p.gather(/*dim=*/2, expanded).squeeze(/*dim=*/2);
}

/// sum_j a_j softmax(g(x_j)).  Shapes: -> [T, C, B]
torch::Tensor mixed_probabilities(Pass& pass) {
  return (pass.attention().unsqueeze(1) * pass.segment_log_probabilities().exp()).sum(/*dim=*/2);
}

/// a_z, the weight on the segment that carries the label.  Shapes: foreground [B] -> [T, B]
torch::Tensor weight_on(const torch::Tensor& foreground, Pass& pass) {
  const auto index = foreground.expand({pass.scores().size(0), 1, -1});  // [T, 1, B]
  return pass.attention().gather(/*dim=*/1, index).squeeze(/*dim=*/1);
}

Metrics to_metrics(const torch::TensorAccessor<double, 2>& sums, std::int64_t trial,
                   double sum_loss_weights, double num_inputs) {
  const auto correct = sums[2][trial];
  const auto focused = sums[3][trial];
  const auto both = sums[4][trial];
  return {.loss = sums[0][trial] / sum_loss_weights,
          .accuracy = correct / num_inputs,
          .focus_weight = sums[1][trial] / num_inputs,
          .ftpt = both / num_inputs,
          .ffpt = (correct - both) / num_inputs,
          .ftpf = (focused - both) / num_inputs,
          .ffpf = (num_inputs - correct - focused + both) / num_inputs};
}

}  // namespace

torch::Tensor predict(Pass& pass, Rule rule) {
  constexpr int kClasses = 1;
  if (rule == Rule::argmax) return first_largest(attended_log_probabilities(pass), kClasses);
  if (rule == Rule::mixture) return first_largest(mixed_probabilities(pass), kClasses);
  return first_largest(pass.blend_log_probabilities(), kClasses);
}

Tally::Tally(std::int64_t num_trials, torch::Device device)
    : sums_(torch::zeros({5, num_trials},
                         torch::TensorOptions().dtype(torch::kDouble).device(device))) {}

void Tally::add(Pass& pass, const torch::Tensor& loss, const torch::Tensor& predicted,
                const torch::Tensor& foreground, double loss_weight) {
  const auto correct = predicted == pass.labels();     // [T, B]
  const auto focused = pass.attended() == foreground;  // [T, B]
  const auto both = correct.logical_and(focused);      // [T, B]
  const auto counts =
      pass.without_blanks(torch::stack({correct, focused, both})).sum(/*dim=*/-1);  // [3, T]
  sums_[0] += loss.to(torch::kDouble) * loss_weight;
  sums_[1] += pass.without_blanks(weight_on(foreground, pass))
                  .sum(/*dim=*/-1, /*keepdim=*/false, torch::kDouble);
  sums_.narrow(/*dim=*/0, 2, 3) += counts;
  sum_loss_weights_ += loss_weight;
  num_inputs_ += static_cast<double>(pass.num_inputs());
}

torch::Tensor Tally::state() const {
  const auto shared = torch::tensor({sum_loss_weights_, num_inputs_}, sums_.options());
  return torch::cat({sums_.t(), shared.expand({sums_.size(1), 2})}, /*dim=*/1);
}

void Tally::restore(const torch::Tensor& state) {
  sums_ = state.narrow(/*dim=*/1, 0, 5).t().contiguous().to(sums_.device());
  sum_loss_weights_ = state[0][5].item<double>();
  num_inputs_ = state[0][6].item<double>();
}

std::vector<Metrics> Tally::read() const {
  const auto sums = sums_.cpu();
  std::vector<Metrics> metrics;
  for (std::int64_t trial = 0; trial < sums.size(1); ++trial) {
    metrics.push_back(
        to_metrics(sums.accessor<double, 2>(), trial, sum_loss_weights_, num_inputs_));
  }
  return metrics;
}

}  // namespace trainer
