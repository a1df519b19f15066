#include "sweep/commands/export.hpp"

#include <iostream>

#include "results/export.hpp"
#include "sweep/exit_code.hpp"

namespace sweep {

int export_command(const ExportOptions& options) {
  const auto sweep = results::load_results(options.folder);
  if (options.format == ExportFormat::csv) {
    results::export_csv(sweep, std::cout);
  } else {
    results::export_json(sweep, std::cout);
  }
  std::cout.flush();
  if (!std::cout) throw results::StorageError("standard output cannot be written");
  return to_int(ExitCode::success);
}

}  // namespace sweep
