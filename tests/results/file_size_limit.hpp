#pragma once

#include <csignal>

#include <sys/resource.h>

namespace results {

/// Lets no file of this process grow beyond a size: writing then fails as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(std::size_t bytes) : former_action_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &former_limit_);
    const rlimit limit = {.rlim_cur = bytes, .rlim_max = former_limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &former_limit_);
    std::signal(SIGXFSZ, former_action_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit former_limit_ = {};
  void (*former_action_)(int);
};

}  // namespace results
