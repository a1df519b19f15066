#pragma once

#include "trainer/gradient_flow/dynamics.hpp"

/// The fixed curve on which focus and classifier move when both learn from (0, 0):
///   nu + (e^nu - 1)/(m - 1) = R(mu)
/// Letters as in dynamics.hpp.
namespace trainer {

/// The left side.
double score_side(double segments, double nu);

/// The right side, R(mu), mu >= 0.
///   soft   (k / 2C) mu^2
///   hard   (1/C) integral_0^mu (e^u + k) log(C e^u / (e^u + k)) du, by quadrature
///   lvml   (k / C^2) [ (e^mu - 1) + (C - 2) mu - k (1 - e^-mu) ]
double logit_side(FlowLoss loss, double classes, double mu);

/// The score gap that goes with a logit gap.
double score_gap_on_curve(FlowLoss loss, const FlowTask& task, double mu);

}  // namespace trainer
