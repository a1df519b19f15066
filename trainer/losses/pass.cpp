#include "trainer/losses/pass.hpp"

#include <limits>
#include <utility>

#include "trainer/kernel_types.hpp"
#include "trainer/losses/blend.hpp"
#include "trainer/losses/column_kernels.hpp"
#include "trainer/losses/log_sum_exp.hpp"

namespace trainer {
namespace {

constexpr int kSegmentDim = 1;  // of scores
constexpr int kClassDim = 1;    // of logits
constexpr double kLogOfNothing = -1e30;

}  // namespace

torch::Tensor first_largest(const torch::Tensor& values) {
  constexpr int kRowDim = 1;
  TORCH_CHECK(values.dim() == 3 && values.size(kRowDim) > 0, "no largest of ", values.sizes(),
              " (want [T, R, N])");
  if (!has_kernel_type(values)) return std::get<1>(values.max(kRowDim));
  const auto own_values = values.contiguous();
  auto rows = torch::empty({values.size(0), values.size(2)}, values.options().dtype(torch::kLong));
  call_for_type_of(values, [&](auto number) {
    find_largest({values.size(0), values.size(kRowDim), values.size(2)},
                 own_values.const_data_ptr<decltype(number)>(),
                 rows.mutable_data_ptr<std::int64_t>());
  });
  return rows;
}

Pass::Pass(torch::Tensor scores, torch::Tensor segments, torch::Tensor labels,
           std::int64_t num_inputs, Classifier classify, torch::Tensor absent)
    : scores_(std::move(scores)),
      segments_(std::move(segments)),
      labels_(std::move(labels)),
      num_inputs_(num_inputs),
      classify_(std::move(classify)),
      absent_(std::move(absent)) {
  TORCH_CHECK(
      scores_.dim() == 3 && segments_.dim() == 4 && labels_.dim() == 1 &&
          segments_.size(2) == scores_.size(1) && segments_.size(3) == scores_.size(2) &&
          labels_.size(0) == scores_.size(2) && num_inputs_ >= 1 && num_inputs_ <= labels_.size(0),
      "scores ", scores_.sizes(), ", segments ", segments_.sizes(), " and labels ", labels_.sizes(),
      " do not match (want [T, m, B], [T or 1, d, m, B] and [B]) or hold no ", num_inputs_,
      " inputs");
  if (!absent_.defined()) return;
  TORCH_CHECK(absent_.sizes() == scores_.sizes().slice(1), "absent segments ", absent_.sizes(),
              " do not match scores ", scores_.sizes(), " (want [m, B] and [T, m, B])");
  scores_ = scores_.masked_fill(absent_, -std::numeric_limits<double>::infinity());
}

Pass Pass::with_scores(torch::Tensor scores) const {
  Pass other(std::move(scores), segments_, labels_, num_inputs_, classify_, absent_);
  other.segment_logits_ = segment_logits_;
  other.segment_log_probabilities_ = segment_log_probabilities_;
  other.segment_label_log_probabilities_ = segment_label_log_probabilities_;
  return other;
}

const torch::Tensor& Pass::attention() {
  if (!attention_.defined()) attention_ = softmax(scores_);
  return attention_;
}

const torch::Tensor& Pass::log_attention() {
  if (!log_attention_.defined()) {
    log_attention_ = torch::log_softmax(scores_, kSegmentDim);
    if (absent_.defined()) log_attention_ = log_attention_.masked_fill(absent_, kLogOfNothing);
  }
  return log_attention_;
}

const torch::Tensor& Pass::attended() {
  if (!attended_.defined()) attended_ = first_largest(scores_);
  return attended_;
}

const torch::Tensor& Pass::segment_logits() {
  if (!segment_logits_.defined()) {
    segment_logits_ = classify_(segments_.flatten(2))  // [T, C, m B]
                          .unflatten(2, {scores_.size(1), scores_.size(2)});
  }
  return segment_logits_;
}

const torch::Tensor& Pass::segment_log_probabilities() {
  if (!segment_log_probabilities_.defined())
    segment_log_probabilities_ = torch::log_softmax(segment_logits(), kClassDim);
  return segment_log_probabilities_;
}

const torch::Tensor& Pass::segment_label_log_probabilities() {
  if (!segment_label_log_probabilities_.defined())
    segment_label_log_probabilities_ = label_log_probabilities(segment_logits(), labels_);
  return segment_label_log_probabilities_;
}

const torch::Tensor& Pass::blend_logits() {
  if (!blend_logits_.defined()) blend_logits_ = classify_(blend(attention(), segments_));
  return blend_logits_;
}

const torch::Tensor& Pass::blend_log_probabilities() {
  if (!blend_log_probabilities_.defined())
    blend_log_probabilities_ = torch::log_softmax(blend_logits(), kClassDim);
  return blend_log_probabilities_;
}

const torch::Tensor& Pass::blend_label_log_probabilities() {
  if (!blend_label_log_probabilities_.defined())
    blend_label_log_probabilities_ = label_log_probabilities(blend_logits(), labels_);
  return blend_label_log_probabilities_;
}

torch::Tensor Pass::label_log_probabilities_of(const torch::Tensor& index) const {
  const auto T = scores_.size(0);
  const auto d = segments_.size(1);
  const auto index_of_features = index.unsqueeze(1).unsqueeze(1).expand({-1, d, -1, -1});
  const auto points = segments_.expand({T, -1, -1, -1})
                          .gather(/*dim=*/2, index_of_features)  // [T, d, 1, B]
                          .squeeze(/*dim=*/2);
  return label_log_probabilities(classify_(points), labels_);
}

torch::Tensor Pass::of_labels(const torch::Tensor& of_classes) const {
  auto sizes = of_classes.sizes().vec();
  sizes[kClassDim] = 1;
  return of_classes.gather(kClassDim, labels_.expand(sizes)).squeeze(kClassDim);
}

torch::Tensor Pass::without_blanks(const torch::Tensor& of_inputs) const {
  return of_inputs.narrow(/*dim=*/-1, /*start=*/0, num_inputs_);
}

}  // namespace trainer
