#pragma once

#include "trainer/gradient_flow/dynamics.hpp"

/// The classifier under a focus that never changes, 0 < alpha <= 1, in closed form. Letters as in
/// dynamics.hpp.
namespace trainer {

/// The x >= 0 at which e^x - 1 + k x = A, for k, A >= 0; relative precision throughout.
///   x = B/k - W0(e^(B/k) / k) with B = A + 1 and Lambert's W, whose argument would overflow
double solve_exponential_plus_line(double k, double A);

/// The logit gap at time t >= 0.
///   soft   (e^(alpha mu) - 1) / alpha + k mu = alpha t
///   hard   e^mu - 1 + k mu = alpha t
///   lvml   the root of time_of_logit_gap
double logit_gap_at(FlowLoss loss, double classes, double alpha, double time);

/// The time at which a gap mu >= 0 is reached: for soft and hard from the equations above, for lvml
///   t = (e^mu - 1 + k mu) + (1-alpha)/(alpha C) [ (e^mu - 1) + 2 k mu + k^2 (1 - e^-mu) ]
double time_of_logit_gap(FlowLoss loss, double classes, double alpha, double mu);

/// Where the pull of the soft loss is largest; the pulls of the other losses only grow.
/// With x = 1 + W0(k/e): alpha mu = x, pull = (x - 1)/alpha, t = (e^x - 1 + k x)/alpha^2
struct PullPeak {
  double time = 0;
  double mu = 0;
  double pull = 0;
};

PullPeak soft_pull_peak(double classes, double alpha);

}  // namespace trainer
