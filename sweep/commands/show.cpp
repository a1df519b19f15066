#include "sweep/commands/show.hpp"

#include <iostream>

#include "results/worker_use.hpp"
#include "sweep/exit_code.hpp"

namespace sweep {
namespace {

void show_workers(const results::Workers& workers, bool as_json) {
  if (!as_json) {
    std::cout << results::to_text(workers);
    return;
  }
  auto list = nlohmann::json::array();
  for (const auto& worker : workers)
    list.push_back(results::to_json(worker));
  std::cout << list.dump(2) << '\n';
}

void show_means(const results::SweepResults& sweep, const ShowOptions& options) {
  const auto table = results::summarize_sweep(sweep, options.summary);
  if (options.as_json) {
    std::cout << results::to_json_text(table);
    return;
  }
  const auto use = results::describe_use(results::use_of(results::sum_of_workers(sweep.ends)));
  std::cout << results::to_text(table) << use << (use.empty() ? "" : "\n");
}

}  // namespace

int show_command(const ShowOptions& options) {
  const auto sweep = results::load_results(options.folder);
  try {
    if (options.of_workers) {
      show_workers(results::sum_of_workers(sweep.ends), options.as_json);
    } else {
      show_means(sweep, options);
    }
    return to_int(ExitCode::success);
  } catch (const std::invalid_argument& error) {
    std::cerr << "mpisweep: " << error.what() << '\n';
    return to_int(ExitCode::bad_input);
  }
}

}  // namespace sweep
