#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <vector>

#include "trainer/losses/loss.hpp"
#include "trainer/losses/pass.hpp"
#include "trainer/torch.hpp"

namespace trainer {

/// What is measured of one trial over a set of inputs, under one rule. The four fractions sum to
/// one: focus true (the segment of largest weight is in the foreground) or false, prediction true
/// or false. It holds nothing but doubles.
struct Metrics {
  double loss = 0;
  double accuracy = 0;
  double focus_weight = 0;  ///< not a number where no input has a foreground
  double focus_score = 0;
  double score_gap = 0;                                         ///< likewise
  double pull = std::numeric_limits<double>::quiet_NaN();       ///< or not measured
  double logit_gap = std::numeric_limits<double>::quiet_NaN();  ///< likewise, or not measured
  double ftpt = 0;
  double ffpt = 0;
  double ftpf = 0;
  double ffpf = 0;
};

struct MetricInfo {
  const char* name = "";
  const char* units = "1";
  const char* long_name = "";
  double Metrics::*value = nullptr;
};

inline constexpr MetricInfo kFtpt = {"ftpt", "1", "fraction with focus true, prediction true",
                                     &Metrics::ftpt};
inline constexpr MetricInfo kFfpt = {"ffpt", "1", "fraction with focus false, prediction true",
                                     &Metrics::ffpt};
inline constexpr MetricInfo kFtpf = {"ftpf", "1", "fraction with focus true, prediction false",
                                     &Metrics::ftpf};
inline constexpr MetricInfo kFfpf = {"ffpf", "1", "fraction with focus false, prediction false",
                                     &Metrics::ffpf};

/// Measured after every epoch, under the loss's own rule.
inline constexpr std::array kMetrics = {
    MetricInfo{"loss", "nat", "mean loss", &Metrics::loss},
    MetricInfo{"accuracy", "1", "fraction predicted right by the loss's own rule",
               &Metrics::accuracy},
    MetricInfo{"focus_weight", "1", "mean weight on the foreground, where there is one",
               &Metrics::focus_weight},
    MetricInfo{"focus_score", "1", "fraction with the segment of largest weight in the foreground",
               &Metrics::focus_score},
    kFtpt,
    kFfpt,
    kFtpf,
    kFfpf};

/// Measured under each rule.
inline constexpr std::array kRuleMetrics = {
    MetricInfo{"accuracy", "1", "fraction predicted right", &Metrics::accuracy}, kFtpt, kFfpt,
    kFtpf, kFfpf};

/// Measured where every rule is, since it needs what each segment is classified as.
inline constexpr MetricInfo kLogitGap = {
    "logit_gap", "nat",
    "mean log probability of the label above that of the other classes, on the foreground",
    &Metrics::logit_gap};

/// Measured where the focus is learned.
inline constexpr MetricInfo kScoreGap = {
    "score_gap", "nat", "mean score of the foreground above that of the other segments",
    &Metrics::score_gap};

/// Measured where the focus is fixed.
inline constexpr MetricInfo kPull = {
    "pull", "nat",
    "mean loss minus that of the same classifier with 0.01 more weight on the foreground",
    &Metrics::pull};

/// The losses of a batch.
struct BatchLosses {
  torch::Tensor loss;       ///< [T]
  torch::Tensor pull = {};  ///< [T]; undefined: not measured
};

/// The predicted labels, ties to the lowest.  Shapes: -> [T, B] int64
torch::Tensor predict(Pass& pass, Rule rule);

/// s_y, the probabilities that the rule gives the true labels.  Shapes: -> [T, B]
torch::Tensor label_probabilities(Pass& pass, Rule rule);

/// a_z, the weights on the foreground.  Shapes: foreground [m, B] bool -> [T, B]
torch::Tensor foreground_weight(Pass& pass, const torch::Tensor& foreground);

/// Adds up what metrics are made of, batch by batch, for all trials of a pack. Everything stays on
/// the device until read().
///
///   Tally tally(num_trials, kRules, device);
///   tally.add(pass, {loss.value(pass)}, batch.foreground, num_inputs);  // of every batch
///   const double accuracy = tally.read(Rule::argmax)[trial].accuracy;
class Tally {
 public:
  /// Measures the logit gap if `rules` are all there are.
  Tally(std::int64_t num_trials, std::span<const Rule> rules, torch::Device device);

  /// `loss_weight` is the batch's share in mean losses: its size for a mean over inputs. Absent
  /// segments count in no gap, and none of them is foreground.
  /// Shapes: foreground [m, B] bool
  void add(Pass& pass, const BatchLosses& losses, const torch::Tensor& foreground,
           double loss_weight);

  /// Begins anew, in the same memory.
  void clear() { sums_.zero_(); }

  /// All that was added up so far, to go on from later.  Shapes: -> [T, sums] double
  torch::Tensor state() const;

  /// Goes on from what state() of a tally of the same rules returned.
  void restore(const torch::Tensor& state);

  /// The metrics of each trial under one of the rules. Waits for the device.
  std::vector<Metrics> read(Rule rule) const;

  /// Likewise under each of the rules, by one copy from the device.
  std::map<Rule, std::vector<Metrics>> read() const;

 private:
  std::vector<Metrics> metrics_of(const torch::Tensor& sums, Rule rule) const;
  bool measures_logit_gap() const;

  std::vector<Rule> rules_;
  torch::Tensor sums_;  // [sums, T] double; the last two are of loss weights and of inputs
};

}  // namespace trainer
