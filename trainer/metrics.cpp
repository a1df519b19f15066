#include "trainer/metrics.hpp"

#include <algorithm>

#include "trainer/batch_sums.hpp"
#include "trainer/losses/log_sum_exp.hpp"

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
  const auto of_segments = softmax(pass.segment_logits());  // [T, C, m, B]
  return (pass.attention().unsqueeze(1) * of_segments).sum(/*dim=*/2);
}

/// What is added up of one trial.
struct Sum {
  enum : std::int64_t {
    losses,
    pulls,
    logit_gaps,
    of_batches  // from here on, what sum_batch() tells; then loss weights and inputs
  };
};

constexpr std::int64_t row_of(BatchSum::Row row) {
  return std::int64_t{Sum::of_batches} + row;
}

}  // namespace

torch::Tensor predict(Pass& pass, Rule rule) {
  if (rule == Rule::argmax) return first_largest(attended_logits(pass));
  if (rule == Rule::mixture) return first_largest(mixed_probabilities(pass));
  return first_largest(pass.blend_logits());
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
      sums_(torch::zeros({row_of(BatchSum::of_predictions) + 2 * std::ssize(rules) + 2, num_trials},
                         torch::TensorOptions().dtype(torch::kDouble).device(device))) {}

void Tally::add(Pass& pass, const BatchLosses& losses, const torch::Tensor& foreground,
                double loss_weight) {
  sums_[Sum::losses].add_(losses.loss, loss_weight);
  if (losses.pull.defined()) {
    sums_[Sum::pulls].add_(losses.pull, loss_weight);
  } else {
    sums_[Sum::pulls].fill_(kNotMeasured);
  }
  if (measures_logit_gap()) sums_[Sum::logit_gaps] += sum_of_logit_gaps(pass, foreground);
  std::vector<torch::Tensor> predictions;
  for (const auto rule : rules_)
    predictions.push_back(predict(pass, rule));
  const auto of_batch = sum_batch(pass, foreground, predictions);
  sums_.narrow(/*dim=*/0, Sum::of_batches, of_batch.size(0)) += of_batch;
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
  return metrics_of(sums_.cpu(), rule);
}

std::map<Rule, std::vector<Metrics>> Tally::read() const {
  const auto sums = sums_.cpu();
  std::map<Rule, std::vector<Metrics>> by_rule;
  for (const auto rule : rules_)
    by_rule[rule] = metrics_of(sums, rule);
  return by_rule;
}

std::vector<Metrics> Tally::metrics_of(const torch::Tensor& sums, Rule rule) const {
  const auto values = sums.accessor<double, 2>();
  const auto of_rule =
      row_of(BatchSum::of_predictions) + 2 * (std::ranges::find(rules_, rule) - rules_.begin());
  std::vector<Metrics> metrics;
  for (std::int64_t trial = 0; trial < sums.size(1); ++trial) {
    const auto sum = [&](std::int64_t row) { return values[row][trial]; };
    const auto sum_of = [&](BatchSum::Row row) { return sum(row_of(row)); };
    const auto loss_weights = sum(sums.size(0) - 2);
    const auto num_inputs = sum(sums.size(0) - 1);
    const auto focused = sum_of(BatchSum::focused);
    const auto correct = sum(of_rule);
    const auto both = sum(of_rule + 1);
    metrics.push_back(
        {.loss = sum(Sum::losses) / loss_weights,
         .accuracy = correct / num_inputs,
         .focus_weight = sum_of(BatchSum::weights) / sum_of(BatchSum::with_foreground),
         .focus_score = focused / num_inputs,
         .score_gap = sum_of(BatchSum::score_gaps) / sum_of(BatchSum::with_score_gap),
         .pull = sum(Sum::pulls) / loss_weights,
         .logit_gap = measures_logit_gap()
                          ? sum(Sum::logit_gaps) / sum_of(BatchSum::with_foreground)
                          : kNotMeasured,
         .ftpt = both / num_inputs,
         .ffpt = (correct - both) / num_inputs,
         .ftpf = (focused - both) / num_inputs,
         .ffpf = (num_inputs - correct - focused + both) / num_inputs});
  }
  return metrics;
}

}  // namespace trainer
