#include "trainer/metrics.hpp"

#include <algorithm>

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

/// Whether the attended segment is in the foreground.  Shapes: foreground [m, B] -> [T, B] bool
torch::Tensor is_focused(Pass& pass, const torch::Tensor& foreground) {
  const auto index = pass.attended().unsqueeze(1);  // [T, 1, B]
  return foreground.expand({index.size(0), -1, -1}).gather(/*dim=*/1, index).squeeze(/*dim=*/1);
}

/// Mean over the segments in a mask, 0 without any.
/// Shapes: mask [m, B] or [T, m, B], values [T, m, B] -> [T, B]
torch::Tensor mean_over(const torch::Tensor& mask, const torch::Tensor& values) {
  return torch::where(mask, values, 0).sum(/*dim=*/-2) / mask.sum(/*dim=*/-2).clamp_min(1);
}

/// Mean score of the foreground minus mean score of the other segments.
struct ScoreGap {
  torch::Tensor value;       // [T, B], 0 where it is not defined
  torch::Tensor is_defined;  // [B] bool: there are segments of both kinds
};

/// Shapes: foreground [m, B]
ScoreGap score_gap(const Pass& pass, const torch::Tensor& foreground) {
  const auto& absent = pass.absent();
  const auto other =
      (absent.defined() ? foreground.logical_or(absent) : foreground).logical_not();    // [m, B]
  const auto is_defined = foreground.any(/*dim=*/0).logical_and(other.any(/*dim=*/0));  // [B]
  const auto value = mean_over(foreground, pass.scores()) - mean_over(other, pass.scores());
  return {.value = torch::where(is_defined, value, 0), .is_defined = is_defined};
}

/// Log probability of the label minus its mean over the other classes, mean over the foreground.
/// Shapes: foreground [m, B] -> [T, B], 0 without foreground
torch::Tensor logit_gap(Pass& pass, const torch::Tensor& foreground) {
  const auto& log_p = pass.segment_log_probabilities();  // [T, C, m, B]
  const auto of_label = pass.of_labels(log_p);           // [T, m, B]
  const auto of_others = (log_p.sum(/*dim=*/1) - of_label) / (log_p.size(1) - 1);
  return mean_over(foreground, of_label - of_others);
}

/// What is added up of one trial: first values, then counts of inputs.
/// Tally::add() lists them in this order.
struct Sum {
  enum : std::int64_t {
    losses,
    pulls,
    weights,
    score_gaps,
    logit_gaps,
    with_foreground,
    with_score_gap,
    focused,
    of_rules  // from here on, of each rule: predicted right, focused and predicted right
  };
};

/// Over the inputs of a batch.  Shapes: each [T, B] -> [tensors, T] double
torch::Tensor sum_over_inputs(const Pass& pass, const std::vector<torch::Tensor>& of_inputs) {
  return pass.without_blanks(torch::stack(of_inputs))
      .sum(/*dim=*/-1, /*keepdim=*/false, torch::kDouble);
}

}  // namespace

torch::Tensor predict(Pass& pass, Rule rule) {
  constexpr int kClasses = 1;
  if (rule == Rule::argmax) return first_largest(attended_log_probabilities(pass), kClasses);
  if (rule == Rule::mixture) return first_largest(mixed_probabilities(pass), kClasses);
  return first_largest(pass.blend_log_probabilities(), kClasses);
}

torch::Tensor label_probabilities(Pass& pass, Rule rule) {
  if (rule == Rule::argmax) return pass.of_labels(attended_log_probabilities(pass)).exp();
  if (rule == Rule::mixture) return pass.of_labels(mixed_probabilities(pass));
  return pass.of_labels(pass.blend_log_probabilities()).exp();
}

torch::Tensor foreground_weight(Pass& pass, const torch::Tensor& foreground) {
  return torch::where(foreground, pass.attention(), 0).sum(/*dim=*/1);
}

Tally::Tally(std::int64_t num_trials, std::span<const Rule> rules, torch::Device device)
    : rules_(rules.begin(), rules.end()),
      sums_(torch::zeros({Sum::of_rules + 2 * std::ssize(rules) + 2, num_trials},
                         torch::TensorOptions().dtype(torch::kDouble).device(device))) {}

void Tally::add(Pass& pass, const BatchLosses& losses, const torch::Tensor& foreground,
                double loss_weight) {
  const auto weight = foreground_weight(pass, foreground);  // [T, B]
  const auto focused = is_focused(pass, foreground);        // [T, B]
  const auto gap = score_gap(pass, foreground);
  const auto not_measured = std::numeric_limits<double>::quiet_NaN();
  const std::vector<torch::Tensor> values = {
      weight, gap.value,
      measures_logit_gap() ? logit_gap(pass, foreground) : torch::full_like(weight, not_measured)};
  std::vector<torch::Tensor> counts = {foreground.any(/*dim=*/0).expand_as(focused),
                                       gap.is_defined.expand_as(focused), focused};
  for (const auto rule : rules_) {
    counts.push_back(predict(pass, rule) == pass.labels());
    counts.push_back(counts.back().logical_and(focused));
  }
  const auto& [loss, pull] = losses;
  sums_[Sum::losses] += loss.to(torch::kDouble) * loss_weight;
  sums_[Sum::pulls] += pull.defined() ? pull.to(torch::kDouble) * loss_weight
                                      : torch::full_like(sums_[Sum::pulls], not_measured);
  sums_.slice(/*dim=*/0, Sum::weights, Sum::with_foreground) += sum_over_inputs(pass, values);
  sums_.slice(/*dim=*/0, Sum::with_foreground, -2) += sum_over_inputs(pass, counts);
  sums_[-2] += loss_weight;
  sums_[-1] += pass.num_inputs();
}

bool Tally::measures_logit_gap() const {
  return rules_.size() == kRules.size();
}

torch::Tensor Tally::state() const {
  return sums_.t().clone(torch::MemoryFormat::Contiguous);
}

void Tally::restore(const torch::Tensor& state) {
  TORCH_CHECK(state.size(1) == sums_.size(0), "a saved tally has ", state.size(1),
              " numbers in place of ", sums_.size(0));
  sums_.copy_(state.t());
}

std::vector<Metrics> Tally::read(Rule rule) const {
  const auto sums = sums_.cpu();
  const auto values = sums.accessor<double, 2>();
  const auto of_rule = Sum::of_rules + 2 * (std::ranges::find(rules_, rule) - rules_.begin());
  std::vector<Metrics> metrics;
  for (std::int64_t trial = 0; trial < sums.size(1); ++trial) {
    const auto sum = [&](std::int64_t index) { return values[index][trial]; };
    const auto loss_weights = sum(sums.size(0) - 2);
    const auto num_inputs = sum(sums.size(0) - 1);
    const auto focused = sum(Sum::focused);
    const auto correct = sum(of_rule);
    const auto both = sum(of_rule + 1);
    metrics.push_back({.loss = sum(Sum::losses) / loss_weights,
                       .accuracy = correct / num_inputs,
                       .focus_weight = sum(Sum::weights) / sum(Sum::with_foreground),
                       .focus_score = focused / num_inputs,
                       .score_gap = sum(Sum::score_gaps) / sum(Sum::with_score_gap),
                       .pull = sum(Sum::pulls) / loss_weights,
                       .logit_gap = sum(Sum::logit_gaps) / sum(Sum::with_foreground),
                       .ftpt = both / num_inputs,
                       .ffpt = (correct - both) / num_inputs,
                       .ftpf = (focused - both) / num_inputs,
                       .ffpf = (num_inputs - correct - focused + both) / num_inputs});
  }
  return metrics;
}

}  // namespace trainer
