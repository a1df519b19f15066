#include <exception>
#include <filesystem>
#include <iostream>
#include <string>

#include "results/results_file.hpp"
#include "tests/results/sample_sweep.hpp"

namespace {

void write_folder(const std::filesystem::path& folder) {
  results::JournalWriter journal(folder / "journal", 0);
  for (const auto& [type, payload] : results::sample_records())
    journal.append(type, payload);
  results::write_results_file(results::sample_sweep(), folder / "results.h5");
}

/// A sweep of which trial i has the id i, reported i / 4 on device i modulo 3, and failed if 7
/// divides i.
results::SweepResults sweep_of(std::size_t num_trials) {
  results::PlanRecord plan = {
      .name = "many", .axes = {{.name = "seed"}}, .variables = {{"quarter", {}}}};
  for (std::size_t i = 0; i < num_trials; ++i) {
    plan.ids.push_back(i);
    plan.axes[0].values.emplace_back(i);
  }
  results::SweepResults sweep;
  apply(sweep, std::move(plan));
  for (std::size_t i = 0; i < num_trials; ++i) {
    results::TrialRecord trial = {.id = i,
                                  .device = "device " + std::to_string(i % 3),
                                  .values = {{"quarter", static_cast<double>(i) / 4}}};
    if (i % 7 == 0) {
      trial.status = protocol::Outcome::failed;
      trial.error = "error " + std::to_string(i);
    }
    apply(sweep, trial);
  }
  return sweep;
}

}  // namespace

/// write_sample_folder FOLDER: the sample sweep's journal and results.h5, for tests in Python.
/// write_sample_folder FOLDER COUNT: results.h5 of a sweep with that many trials.
int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) return 2;
  try {
    if (argc == 2) {
      write_folder(argv[1]);
    } else {
      results::write_results_file(sweep_of(std::stoul(argv[2])),
                                  std::filesystem::path(argv[1]) / "results.h5");
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
