#pragma once

#include <array>
#include <vector>

#include "trainer/losses/loss.hpp"
#include "trainer/losses/pass.hpp"
#include "trainer/torch.hpp"

namespace trainer {

/// What is measured of one trial over a set of inputs. The four fractions sum to one:
/// focus true (the segment of largest weight is in the foreground) or false, prediction true or
/// false.
struct Metrics {
  double loss = 0;
  double accuracy = 0;
  double focus_weight = 0;  ///< not a number where no input has a foreground
  double focus_score = 0;
  double score_gap = 0;  ///< likewise
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

inline constexpr std::array kMetrics = {
    MetricInfo{"loss", "nat", "mean loss", &Metrics::loss},
    MetricInfo{"accuracy", "1", "fraction predicted right by the loss's own rule",
               &Metrics::accuracy},
    MetricInfo{"focus_weight", "1", "mean weight on the foreground, where there is one",
               &Metrics::focus_weight},
    MetricInfo{"focus_score", "1", "fraction with the segment of largest weight in the foreground",
               &Metrics::focus_score},
    MetricInfo{"score_gap", "nat", "mean score of the foreground above that of the other segments",
               &Metrics::score_gap},
    MetricInfo{"ftpt", "1", "fraction with focus true, prediction true", &Metrics::ftpt},
    MetricInfo{"ffpt", "1", "fraction with focus false, prediction true", &Metrics::ffpt},
    MetricInfo{"ftpf", "1", "fraction with focus true, prediction false", &Metrics::ftpf},
    MetricInfo{"ffpf", "1", "fraction with focus false, prediction false", &Metrics::ffpf}};

/// The predicted labels, ties to the lowest.  Shapes: -> [T, B] int64
torch::Tensor predict(Pass& pass, Rule rule);

/// Adds up what metrics are made of, batch by batch, for all trials of a pack. Everything stays on
/// the device until read().
class Tally {
 public:
  Tally(std::int64_t num_trials, torch::Device device);

  /// `loss_weight` is the batch's share in the mean loss: its size for a mean over inputs.
  /// Shapes: loss [T], predicted [T, B], foreground [m, B] bool
  void add(Pass& pass, const torch::Tensor& loss, const torch::Tensor& predicted,
           const torch::Tensor& foreground, double loss_weight);

  /// All that was added up so far, to go on from later.  Shapes: -> [T, sums] double
  torch::Tensor state() const;

  /// Goes on from what state() returned.
  void restore(const torch::Tensor& state);

  /// The metrics of each trial. Waits for the device.
  std::vector<Metrics> read() const;

 private:
  torch::Tensor sums_;  // [sums, T] double
  double sum_loss_weights_ = 0;
  double num_inputs_ = 0;
};

}  // namespace trainer
