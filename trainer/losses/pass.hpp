#pragma once

#include <functional>

#include "trainer/torch.hpp"

namespace trainer {

/// The row of each column's largest value, the first among equals; what is not a number counts as
/// largest.  Shapes: values [T, R, N] -> [T, N] int64
torch::Tensor first_largest(const torch::Tensor& values);

/// One batch as the models of a pack see it: what losses and metrics are made of. Each quantity is
/// computed when first asked for, and once.
///
///   Pass pass(scores, segments, labels, labels.size(0), classify);
///   const auto loss = hard_loss(pass);                     // classifies every segment
///   const auto predicted = predict(pass, Rule::argmax);    // uses the same logits
class Pass {
 public:
  /// Shapes: points [T or 1, d, N] -> logits [T, C, N]
  using Classifier = std::function<torch::Tensor(const torch::Tensor& points)>;

  /// The first `num_inputs` of the batch are real, blanks follow them. Where inputs have fewer than
  /// m segments, `absent` tells those that they lack; each has its first. They get the score -inf.
  /// Shapes: scores [T, m, B], segments [T or 1, d, m, B] float; labels [B] int64
  ///         absent [m, B] bool, undefined where no input lacks any
  /// Ranges: num_inputs in 1 .. B      Throws: c10::Error if the shapes do not match.
  Pass(torch::Tensor scores, torch::Tensor segments, torch::Tensor labels, std::int64_t num_inputs,
       Classifier classify, torch::Tensor absent = {});

  /// The same batch under other scores. What is known of its segments is not computed again.
  /// Shapes: scores [T, m, B]
  Pass with_scores(torch::Tensor scores) const;

  const torch::Tensor& scores() const { return scores_; }
  const torch::Tensor& labels() const { return labels_; }
  std::int64_t num_inputs() const { return num_inputs_; }
  const torch::Tensor& absent() const { return absent_; }

  /// a = softmax of the scores over the segments, 0 for an absent one.  Shapes: [T, m, B]
  const torch::Tensor& attention();

  /// log a. Of an absent segment it is so low that its exponential is 0, and finite, so that
  /// a log a is 0 as well.  Shapes: [T, m, B]
  const torch::Tensor& log_attention();

  /// The segment of largest weight, the first of equals.  Shapes: [T, B] int64
  const torch::Tensor& attended();

  /// g(x_j) of every segment.  Shapes: [T, C, m, B]
  const torch::Tensor& segment_logits();

  /// log softmax g(x_j) of every segment, for all classes or at the label.
  /// Shapes: [T, C, m, B] or [T, m, B]
  const torch::Tensor& segment_log_probabilities();
  const torch::Tensor& segment_label_log_probabilities();

  /// g(sum_j a_j x_j).  Shapes: [T, C, B]
  const torch::Tensor& blend_logits();

  /// log softmax g(sum_j a_j x_j), for all classes or at the label.  Shapes: [T, C, B] or [T, B]
  const torch::Tensor& blend_log_probabilities();
  const torch::Tensor& blend_label_log_probabilities();

  /// log softmax g(x_j) at the label, of one segment of each input. Classifies no others.
  /// Shapes: index [T, B] int64 -> [T, B]
  torch::Tensor label_log_probabilities_of(const torch::Tensor& index) const;

  /// What of each class belongs to the labels.
  /// Shapes: [T, C, B] -> [T, B];  [T, C, m, B] -> [T, m, B]
  torch::Tensor of_labels(const torch::Tensor& of_classes) const;

  /// The real inputs only.  Shapes: [.., B] -> [.., num_inputs]
  torch::Tensor without_blanks(const torch::Tensor& of_inputs) const;

 private:
  torch::Tensor scores_;
  torch::Tensor segments_;
  torch::Tensor labels_;
  std::int64_t num_inputs_;
  Classifier classify_;
  torch::Tensor absent_;
  torch::Tensor attention_;  // this and the following: undefined until asked for
  torch::Tensor log_attention_;
  torch::Tensor attended_;
  torch::Tensor segment_logits_;
  torch::Tensor segment_log_probabilities_;
  torch::Tensor segment_label_log_probabilities_;
  torch::Tensor blend_logits_;
  torch::Tensor blend_log_probabilities_;
  torch::Tensor blend_label_log_probabilities_;
};

}  // namespace trainer
