#include <exception>
#include <iostream>

#include "results/results_file.hpp"
#include "tests/results/sample_sweep.hpp"

/// write_sample_results PATH: writes the sample sweep as results.h5, for the tests in Python.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    results::write_results_file(results::sample_sweep(), argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
