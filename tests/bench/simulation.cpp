/// Ten million trials on ten thousand ranks, as far as the schedule is concerned: prints what came
/// of it as JSON. Usage: simulation [NUM_TRIALS [NUM_RANKS]]
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/sweep/schedule_simulation.hpp"

int main(int argc, char** argv) {
  const sweep::SimulatedSweep sweep{
      .num_trials = argc > 1 ? std::stoull(argv[1]) : 10'000'000,
      .num_combinations = 10'000,
      .num_workers = argc > 2 ? std::stoi(argv[2]) : 10'000,
      .spread = 20,
      .hint_error = 3,
      .noise = 0.2,
      .loss_rate = 1e-3,
  };
  const auto simulation = sweep::simulate(sweep);
  const auto num_trials = static_cast<double>(sweep.num_trials);
  std::cout << nlohmann::json{{"trials", sweep.num_trials},
                              {"ranks", sweep.num_workers},
                              {"packs", simulation.num_packs},
                              {"given_up", simulation.num_given_up},
                              {"utilization", simulation.utilization},
                              {"span_s", simulation.span_s},
                              {"ns_per_trial", 1e9 * simulation.own_s / num_trials},
                              // Of one core, while the sweep takes that long.
                              {"coordinator_load", simulation.own_s / simulation.span_s}}
                   .dump(2)
            << '\n';
}
