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

/// a_z, the weight on the foreground.  Shapes: foreground [m, B] -> [T, B]
torch::Tensor weight_on(const torch::Tensor& foreground, Pass& pass) {
  return torch::where(foreground, pass.attention(), 0).sum(/*dim=*/1);
}

/// Whether the attended segment is in the foreground.  Shapes: foreground [m, B] -> [T, B] bool
torch::Tensor is_focused(Pass& pass, const torch::Tensor& foreground) {
  const auto index = pass.attended().unsqueeze(1);  // [T, 1, B]
  return foreground.expand({index.size(0), -1, -1}).gather(/*dim=*/1, index).squeeze(/*dim=*/1);
}

/// Mean over the segments in a mask, 0 without any.  Shapes: values, mask [T, m, B] -> [T, B]
torch::Tensor mean_over(const torch::Tensor& mask, const torch::Tensor& values) {
  return torch::where(mask, values, 0).sum(/*dim=*/1) / mask.sum(/*dim=*/1).clamp_min(1);
}

/// Mean score of the foreground minus mean score of the other segments.
struct ScoreGap {
  torch::Tensor value;       // [T, B], 0 where it is not defined
  torch::Tensor is_defined;  // [T, B] bool: there are segments of both kinds
};

/// Segments with a score of -inf are absent.  Shapes: foreground [m, B]
ScoreGap score_gap(const Pass& pass, const torch::Tensor& foreground) {
  const auto is_present = pass.scores().isneginf().logical_not();                      // [T, m, B]
  const auto in_front = is_present.logical_and(foreground);                            // [T, m, B]
  const auto behind = is_present.logical_and(foreground.logical_not());                // [T, m, B]
  const auto is_defined = in_front.any(/*dim=*/1).logical_and(behind.any(/*dim=*/1));  // [T, B]
  const auto value = mean_over(in_front, pass.scores()) - mean_over(behind, pass.scores());
  return {.value = torch::where(is_defined, value, 0), .is_defined = is_defined};
}

/// What is added up of one trial, beside the loss: values, then counts of inputs.
enum Sum {
  kLoss,
  kFocusWeight,
  kScoreGap,
  kWithForeground,
  kWithScoreGap,
  kFocused,
  kCorrect,
  kBoth,  // focus and prediction true
  kNumSums
};

Metrics to_metrics(const torch::TensorAccessor<double, 2>& sums, std::int64_t trial,
                   double sum_loss_weights, double num_inputs) {
  const auto correct = sums[kCorrect][trial];
  const auto focused = sums[kFocused][trial];
  const auto both = sums[kBoth][trial];
  return {.loss = sums[kLoss][trial] / sum_loss_weights,
          .accuracy = correct / num_inputs,
          .focus_weight = sums[kFocusWeight][trial] / sums[kWithForeground][trial],
          .focus_score = focused / num_inputs,
          .score_gap = sums[kScoreGap][trial] / sums[kWithScoreGap][trial],
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
    : sums_(torch::zeros({kNumSums, num_trials},
                         torch::TensorOptions().dtype(torch::kDouble).device(device))) {}

void Tally::add(Pass& pass, const torch::Tensor& loss, const torch::Tensor& predicted,
                const torch::Tensor& foreground, double loss_weight) {
  const auto correct = predicted == pass.labels();    // [T, B]
  const auto focused = is_focused(pass, foreground);  // [T, B]
  const auto has_foreground = foreground.any(/*dim=*/0).expand_as(focused);
  const auto gap = score_gap(pass, foreground);
  const auto values = torch::stack({weight_on(foreground, pass), gap.value});  // [2, T, B]
  const auto counts = torch::stack({has_foreground, gap.is_defined, focused, correct,
                                    correct.logical_and(focused)});  // [5, T, B]
  sums_[kLoss] += loss.to(torch::kDouble) * loss_weight;
  sums_.slice(/*dim=*/0, kFocusWeight, kWithForeground) +=
      pass.without_blanks(values).sum(/*dim=*/-1, /*keepdim=*/false, torch::kDouble);
  sums_.slice(/*dim=*/0, kWithForeground, kNumSums) += pass.without_blanks(counts).sum(/*dim=*/-1);
  sum_loss_weights_ += loss_weight;
  num_inputs_ += static_cast<double>(pass.num_inputs());
}

torch::Tensor Tally::state() const {
  const auto shared = torch::tensor({sum_loss_weights_, num_inputs_}, sums_.options());
  return torch::cat({sums_.t(), shared.expand({sums_.size(1), 2})}, /*dim=*/1);
}

void Tally::restore(const torch::Tensor& state) {
  sums_ = state.narrow(/*dim=*/1, 0, kNumSums).t().contiguous().to(sums_.device());
  sum_loss_weights_ = state[0][kNumSums].item<double>();
  num_inputs_ = state[0][kNumSums + 1].item<double>();
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
