#include "trainer/batch_sums.hpp"

#include <optional>
#include <vector>

#include "trainer/kernel_types.hpp"

namespace trainer {
namespace {

// --- by operators ---

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

/// Whether the attended segment is in the foreground.  Shapes: foreground [m, B] -> [T, B] bool
torch::Tensor is_focused(Pass& pass, const torch::Tensor& foreground) {
  const auto index = pass.attended().unsqueeze(1);  // [T, 1, B]
  return foreground.expand({index.size(0), -1, -1}).gather(/*dim=*/1, index).squeeze(/*dim=*/1);
}

/// The rows from `focused` on.  Shapes: -> [1 + 2 predictions, T] double
torch::Tensor count_inputs(Pass& pass, const torch::Tensor& foreground,
                           std::span<const torch::Tensor> predictions) {
  std::vector<torch::Tensor> inputs = {is_focused(pass, foreground)};  // each [T, B] bool
  for (const auto& predicted : predictions) {
    inputs.push_back(predicted == pass.labels());
    inputs.push_back(inputs.back().logical_and(inputs.front()));
  }
  return pass.without_blanks(torch::stack(inputs))
      .sum(/*dim=*/-1, /*keepdim=*/false, torch::kDouble);
}

/// Without absent segments, whose score is -inf.  Shapes: -> [T, m, B]
torch::Tensor finite_scores(const Pass& pass) {
  const auto& absent = pass.absent();
  return absent.defined() ? pass.scores().masked_fill(absent, 0) : pass.scores();
}

torch::Tensor sum_by_operators(Pass& pass, const torch::Tensor& foreground,
                               std::span<const torch::Tensor> predictions) {
  const auto shares = shares_of(pass, foreground);
  const auto T = pass.scores().size(0);
  return torch::cat({weighted_sum(pass, shares.of_foreground, pass.attention()).unsqueeze(0),
                     weighted_sum(pass, shares.of_gap, finite_scores(pass)).unsqueeze(0),
                     shares.num_inputs.unsqueeze(1).expand({-1, T}),
                     count_inputs(pass, foreground, predictions)});
}

// --- on a CPU ---

/// What one input has, of one trial.
struct InputSums {
  double weight = 0;  // on the foreground
  double foreground_scores = 0;
  double other_scores = 0;
  std::int64_t num_foreground = 0;
  std::int64_t num_others = 0;
};

/// Shapes: attention and scores [m, B] of the trial, foreground and absent [m, B]
template <class Number>
InputSums sum_segments(const at::TensorAccessor<Number, 2>& attention,
                       const at::TensorAccessor<Number, 2>& scores,
                       const at::TensorAccessor<bool, 2>& foreground,
                       const std::optional<at::TensorAccessor<bool, 2>>& absent, std::int64_t b) {
  InputSums sums;
  for (std::int64_t j = 0; j < scores.size(0); ++j) {
    if (foreground[j][b]) {
      sums.weight += attention[j][b];
      sums.foreground_scores += scores[j][b];
      ++sums.num_foreground;
    } else if (!absent || !(*absent)[j][b]) {
      sums.other_scores += scores[j][b];
      ++sums.num_others;
    }
  }
  return sums;
}

/// `to` are the rows of one trial, here as in the following.
void add_input(const InputSums& input, std::span<double> to) {
  if (input.num_foreground == 0) return;
  to[BatchSum::weights] += input.weight;
  to[BatchSum::with_foreground] += 1;
  if (input.num_others == 0) return;
  to[BatchSum::score_gaps] += input.foreground_scores / static_cast<double>(input.num_foreground) -
                              input.other_scores / static_cast<double>(input.num_others);
  to[BatchSum::with_score_gap] += 1;
}

void add_segments(Pass& pass, const torch::Tensor& foreground, std::int64_t trial,
                  std::span<double> to) {
  const auto is_foreground = foreground.accessor<bool, 2>();
  std::optional<at::TensorAccessor<bool, 2>> absent;
  if (pass.absent().defined()) absent = pass.absent().accessor<bool, 2>();
  call_for_type_of(pass.scores(), [&](auto number) {
    using Number = decltype(number);
    const auto attention = pass.attention().accessor<Number, 3>()[trial];
    const auto scores = pass.scores().accessor<Number, 3>()[trial];
    for (std::int64_t b = 0; b < pass.num_inputs(); ++b)
      add_input(sum_segments<Number>(attention, scores, is_foreground, absent, b), to);
  });
}

void add_predictions(Pass& pass, const torch::Tensor& foreground,
                     std::span<const torch::Tensor> predictions, std::int64_t trial,
                     std::span<double> to) {
  const auto is_foreground = foreground.accessor<bool, 2>();
  const auto attended = pass.attended().accessor<std::int64_t, 2>()[trial];
  const auto labels = pass.labels().accessor<std::int64_t, 1>();
  for (std::int64_t b = 0; b < pass.num_inputs(); ++b) {
    const double is_focused = is_foreground[attended[b]][b] ? 1 : 0;
    to[BatchSum::focused] += is_focused;
    auto row = to.begin() + BatchSum::of_predictions;
    for (const auto& predicted : predictions) {
      const double is_right = predicted.accessor<std::int64_t, 2>()[trial][b] == labels[b] ? 1 : 0;
      *row++ += is_right;
      *row++ += is_right * is_focused;
    }
  }
}

torch::Tensor sum_on_cpu(Pass& pass, const torch::Tensor& foreground,
                         std::span<const torch::Tensor> predictions) {
  const auto num_rows = BatchSum::of_predictions + 2 * std::ssize(predictions);
  const auto sums = torch::zeros({pass.scores().size(0), num_rows}, torch::kDouble);
  for (std::int64_t trial = 0; trial < sums.size(0); ++trial) {
    const std::span to(sums.mutable_data_ptr<double>() + trial * num_rows,
                       static_cast<std::size_t>(num_rows));
    add_segments(pass, foreground, trial, to);
    add_predictions(pass, foreground, predictions, trial, to);
  }
  return sums.t();
}

}  // namespace

torch::Tensor sum_batch(Pass& pass, const torch::Tensor& foreground,
                        std::span<const torch::Tensor> predictions) {
  if (has_kernel_type(pass.scores())) return sum_on_cpu(pass, foreground, predictions);
  return sum_by_operators(pass, foreground, predictions);
}

torch::Tensor sum_of_logit_gaps(Pass& pass, const torch::Tensor& foreground) {
  const auto& log_p = pass.segment_log_probabilities();           // [T, C, m, B]
  const auto& of_label = pass.segment_label_log_probabilities();  // [T, m, B]
  const auto of_others = (log_p.sum(/*dim=*/1) - of_label) / (log_p.size(1) - 1);
  return weighted_sum(pass, shares_of(pass, foreground).of_foreground_mean, of_label - of_others);
}

}  // namespace trainer
