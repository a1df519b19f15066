#pragma once

#include "sweep/session.hpp"

namespace sweep {

struct PlanOptions {
  SessionOptions session = {};
  int ranks = 0;  ///< 0: as many as `run` would start
  bool as_json = false;
};

/// `mpisweep plan`: what would run. Starts nothing but a trainer to ask.
int plan_command(const PlanOptions& options);

}  // namespace sweep
