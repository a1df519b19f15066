#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace spdlog {
class logger;
}

namespace sweep {

/// A log with a time stamp on each line, at most 10 MB long; the part before that is kept beside
/// it as log.1.txt.
class LogFile {
 public:
  /// Throws: results::StorageError.
  explicit LogFile(const std::filesystem::path& path);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  /// Logs every line of a text on behalf of a rank. A log that cannot be written, on a full disk
  /// say, is told once on standard error and costs nothing else.
  void write(int rank, const std::string& text);

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace sweep
