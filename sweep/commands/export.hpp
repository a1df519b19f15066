#pragma once

#include <filesystem>

namespace sweep {

enum class ExportFormat { csv, json };

struct ExportOptions {
  std::filesystem::path folder = {};
  ExportFormat format = ExportFormat::csv;
};

/// `mpisweep export`: everything to standard output, for other programs.
int export_command(const ExportOptions& options);

}  // namespace sweep
