#include <exception>
#include <filesystem>
#include <iostream>

#include "results/results_file.hpp"
#include "tests/results/sample_sweep.hpp"

namespace {

void write_folder(const std::filesystem::path& folder) {
  results::JournalWriter journal(folder / "journal", 0);
  for (const auto& [type, payload] : results::sample_records())
    journal.append(type, payload);
  results::write_results_file(results::sample_sweep(), folder / "results.h5");
}

}  // namespace

/// write_sample_folder FOLDER: the sample sweep's journal and results.h5, for tests in Python.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    write_folder(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
