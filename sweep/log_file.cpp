#include "sweep/log_file.hpp"

#include <iostream>
#include <sstream>
#include <utility>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>

#include "results/journal.hpp"

namespace sweep {

LogFile::LogFile(const std::filesystem::path& path) {
  constexpr std::size_t kMostBytes = 10'000'000;
  try {
    auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_st>(path.string(), kMostBytes,
                                                                       /*max_files=*/1);
    logger_ = std::make_shared<spdlog::logger>("log", std::move(sink));
  } catch (const spdlog::spdlog_ex& error) {
    throw results::StorageError(error.what());
  }
  logger_->set_pattern("%Y-%m-%d %H:%M:%S  %v");
  logger_->flush_on(spdlog::level::info);
  logger_->set_error_handler([is_told = false](const std::string& error) mutable {
    if (!std::exchange(is_told, true)) std::cerr << "mpisweep: " << error << std::endl;
  });
}

LogFile::~LogFile() = default;

void LogFile::write(int rank, const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    logger_->info("rank {}: {}", rank, line);
}

}  // namespace sweep
