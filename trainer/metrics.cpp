#include "trainer/metrics.hpp"

#include <algorithm>

namespace trainer {
namespace {

constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();

/// g(x_j) of the segment j of largest weight.  Shapes: -> [T, C, B]
torch::Tensor attended_logits(Pass& pass) {
  const auto& logits = pass.segment_logits();                        // [T, C, m, B]
  const auto index = pass.attended().unsqueeze(1).unsqueeze(1);      // [T, 1, 1, B]
  const auto expanded = index.expand({-1, logits.size(1), -1, -1});  // [T, C, 1, B]
  return logits.gather(/*dim=*/2, expanded).squeeze(/*dim=*/2);
}

/// log softmax g(x_j) at the label, of the segment j of largest weight.  Shapes: -> [T, B]
torch::Tensor attended_label_log_probabilities(Pass& pass) {
  const auto index = pass.attended().unsqueeze(1);  // [T, 1, B]
  return pass.segment_label_log_probabilities().gather(/*dim=*/1, index).squeeze(/*dim=*/1);
}

/// sum_j a_j softmax(g(x_j)).  Shapes: -> [T, C, B]
torch::Tensor mixed_probabilities(Pass& pass) {
  const auto of_segments = torch::softmax(pass.segment_logits(), /*dim=*/1);  // [T, C, m, B]
  return (pass.attention().unsqueeze(1) * of_segments).sum(/*dim=*/2);
}

/// Whether the attended segment is in the foreground.  Shapes: foreground [m, B] -> [T, B] bool
torch::Tensor is_focused(Pass& pass, const torch::Tensor& foreground) {
  const auto index = pass.attended().unsqueeze(1);  // [T, 1, B]
  return foreground.expand({index.size(0), -1, -1}).gather(/*dim=*/1, index).squeeze(/*dim=*/1);
}

/// What each segment of the real inputs counts for in sums over a batch; nothing where that is not
/// defined. B stands for the number of real inputs.
struct Shares {
  torch::Tensor of_foreground;       // [m, B] 1 in the foreground
  torch::Tensor of_foreground_mean;  // [m, B] of the mean over the foreground
  torch::Tensor of_gap;              // [m, B] of that minus the mean over the other segments
  torch::Tensor num_inputs;          // [2] double: with a foreground, with segments of both kinds
};

/// Shapes: foreground [m, inputs and blanks] bool
Shares shares_of(const Pass& pass, const torch::Tensor& foreground) {
  const auto type = pass.scores().scalar_type();
  const auto& absent = pass.absent();
  const auto is_taken = absent.defined() ? foreground.logical_or(absent) : foreground;
  const auto of_foreground = pass.without_blanks(foreground).to(type);          // [m, B]
  const auto of_others = pass.without_blanks(is_taken).logical_not().to(type);  // [m, B]
  const auto num_foreground = of_foreground.sum(/*dim=*/0);                     // [B]
  const auto num_others = of_others.sum(/*dim=*/0);                             // [B]
  const auto has_foreground = num_foreground > 0;                               // [B]
  const auto has_both = has_foreground.logical_and(num_others > 0);             // [B]
  const auto of_foreground_mean = of_foreground / num_foreground.clamp_min(1);
  return {.of_foreground = of_foreground,
          .of_foreground_mean = of_foreground_mean,
          .of_gap = (of_foreground_mean - of_others / num_others.clamp_min(1)) * has_both,
          .num_inputs = torch::stack({has_foreground, has_both})
                            .sum(/*dim=*/-1, /*keepdim=*/false, torch::kDouble)};
}

/// Over all segments of the real inputs.
/// Shapes: shares [m, B], values [T, m, inputs and blanks] -> [T] double
torch::Tensor weighted_sum(const Pass& pass, const torch::Tensor& shares,
                           const torch::Tensor& values) {
  return (pass.without_blanks(values) * shares)
      .flatten(1)
      .sum(/*dim=*/1, /*keepdim=*/false, torch::kDouble);
}

/// Absent segments count for nothing, whatever their score.  Shapes: -> [T] double
torch::Tensor sum_of_score_gaps(const Pass& pass, const Shares& shares) {
  const auto& absent = pass.absent();
  return weighted_sum(pass, shares.of_gap,
                      absent.defined() ? pass.scores().masked_fill(absent, 0) : pass.scores());
}

/// Log probability of the label minus its mean over the other classes, mean over the foreground.
/// Shapes: -> [T] double
torch::Tensor sum_of_logit_gaps(Pass& pass, const Shares& shares) {
  const auto& log_p = pass.segment_log_probabilities();           // [T, C, m, B]
  const auto& of_label = pass.segment_label_log_probabilities();  // [T, m, B]
  const auto of_others = (log_p.sum(/*dim=*/1) - of_label) / (log_p.size(1) - 1);
  return weighted_sum(pass, shares.of_foreground_mean, of_label - of_others);
}

/// How many inputs are focused, and under each rule predicted right, and both.
/// Shapes: -> [1 + 2 rules, T] double
torch::Tensor count_inputs(Pass& pass, const torch::Tensor& foreground,
                           std::span<const Rule> rules) {
  std::vector<torch::Tensor> inputs = {is_focused(pass, foreground)};  // each [T, B] bool
  for (const auto rule : rules) {
    inputs.push_back(predict(pass, rule) == pass.labels());
    inputs.push_back(inputs.back().logical_and(inputs.front()));
  }
  return pass.without_blanks(torch::stack(inputs))
      .sum(/*dim=*/-1, /*keepdim=*/false, torch::kDouble);
}

/// What is added up of one trial: first values, then counts of inputs.
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

}  // namespace

torch::Tensor predict(Pass& pass, Rule rule) {
  constexpr int kClasses = 1;
  if (rule == Rule::argmax) return first_largest(attended_logits(pass), kClasses);
  if (rule == Rule::mixture) return first_largest(mixed_probabilities(pass), kClasses);
  return first_largest(pass.blend_logits(), kClasses);
}

torch::Tensor label_probabilities(Pass& pass, Rule rule) {
  if (rule == Rule::argmax) return attended_label_log_probabilities(pass).exp();
  if (rule == Rule::mixture) return pass.of_labels(mixed_probabilities(pass));
  return pass.blend_label_log_probabilities().exp();
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
  const auto shares = shares_of(pass, foreground);
  const auto add_from = [this](std::int64_t first, const torch::Tensor& sums) {
    sums_.narrow(/*dim=*/0, first, sums.size(0)) += sums;
  };
  sums_[Sum::losses].add_(losses.loss, loss_weight);
  if (losses.pull.defined()) {
    sums_[Sum::pulls].add_(losses.pull, loss_weight);
  } else {
    sums_[Sum::pulls].fill_(kNotMeasured);
  }
  add_from(Sum::weights, torch::stack({weighted_sum(pass, shares.of_foreground, pass.attention()),
                                       sum_of_score_gaps(pass, shares)}));
  if (measures_logit_gap()) sums_[Sum::logit_gaps] += sum_of_logit_gaps(pass, shares);
  add_from(Sum::with_foreground, shares.num_inputs.unsqueeze(1));
  add_from(Sum::focused, count_inputs(pass, foreground, rules_));
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
                       .logit_gap = measures_logit_gap()
                                        ? sum(Sum::logit_gaps) / sum(Sum::with_foreground)
                                        : kNotMeasured,
                       .ftpt = both / num_inputs,
                       .ffpt = (correct - both) / num_inputs,
                       .ftpf = (focused - both) / num_inputs,
                       .ffpf = (num_inputs - correct - focused + both) / num_inputs});
  }
  return metrics;
}

}  // namespace trainer
