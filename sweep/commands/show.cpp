#include "sweep/commands/show.hpp"

#include <iostream>

#include "sweep/exit_code.hpp"

namespace sweep {

int show_command(const ShowOptions& options) {
  const auto sweep = results::load_results(options.folder);
  try {
    const auto table = results::summarize_sweep(sweep, options.summary);
    std::cout << (options.as_json ? results::to_json_text(table) : results::to_text(table));
    return to_int(ExitCode::success);
  } catch (const std::invalid_argument& error) {
    std::cerr << "mpisweep: " << error.what() << '\n';
    return to_int(ExitCode::bad_input);
  }
}

}  // namespace sweep
