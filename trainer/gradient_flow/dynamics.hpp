#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Gradient flow in the one setting that is solved: the foreground segment of class y is the unit
/// vector e_y, every other segment is 0, labels are uniform, focus and classifier are linear
/// without biases and start at 0. By symmetry the classifier stays mu (I - 11'/C) and the focus nu
/// 1, so two numbers tell all: the logit gap mu and the score gap nu.
///
/// Below, C is the number of classes, k = C - 1, m the number of segments,
///   beta = e^mu / (e^mu + k)    the probability of the label, given the foreground segment
///   Z = alpha beta + (1 - alpha) / C
/// Every form holds for any mu, nu >= 0 without overflow or cancellation.
/// Source: Vashisht and Ramaswamy, ECAI 2023 (rates); the rest derived
namespace trainer {

enum class FlowLoss : std::uint8_t { soft, hard, lvml };

/// "soft", "hard", "lvml".
const std::vector<std::string>& flow_loss_names();

/// Throws: std::invalid_argument if the text names no loss.
FlowLoss flow_loss_from(const std::string& name);

/// What is learned, of any loss.
struct FlowTask {
  double segments = 2;  ///< m, whole and >= 2
  double classes = 2;   ///< C, whole and >= 2
};

/// Attention on the foreground, alpha, and on all the rest, 1 - alpha.
struct FocusSplit {
  double alpha = 1;
  double rest = 0;
};

/// alpha = e^nu / (e^nu + m - 1)
FocusSplit focus_of(double nu, double segments);

/// The score gap of this focus: log(alpha (m - 1) / (1 - alpha)); infinite for alpha = 1.
double score_gap_of(const FocusSplit& focus, double segments);

/// The training loss over the whole population.  Units: nats
///   soft   log(1 + k e^(-alpha mu))
///   hard   alpha log(1 + k e^-mu) + (1 - alpha) log C
///   lvml   -log Z
double flow_loss(FlowLoss loss, double classes, const FocusSplit& focus, double mu);

/// How fast the loss would fall if the focus grew: minus its derivative by alpha.
///   soft   k mu / (e^(alpha mu) + k)
///   hard   log(C beta)
///   lvml   (beta - 1/C) / Z
double pull_of(FlowLoss loss, double classes, const FocusSplit& focus, double mu);

/// d mu / dt.
///   soft   alpha / (e^(alpha mu) + k)
///   hard   alpha / (e^mu + k)
///   lvml   alpha beta / (Z (e^mu + k))
double logit_gap_rate(FlowLoss loss, double classes, const FocusSplit& focus, double mu);

/// d nu / dt = alpha (1 - alpha) pull / C, the same for all losses.
double score_gap_rate(FlowLoss loss, double classes, const FocusSplit& focus, double mu);

}  // namespace trainer
