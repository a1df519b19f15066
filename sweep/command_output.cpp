#include "sweep/command_output.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/child_process.hpp"

namespace sweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostBytes = 1'000'000;

/// A descriptor that is closed with it.
class File {
 public:
  explicit File(int number) : number_(number) {
    if (number < 0) throw std::system_error(errno, std::generic_category(), "open");
  }
  ~File() { close(number_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

/// Reads to the end of a pipe. False if that has not come by the deadline.
bool read_all(int pipe, Clock::time_point deadline, std::string& text) {
  std::array<char, 65536> buffer{};
  while (text.size() < kMostBytes) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd file = {.fd = pipe, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || poll(&file, 1, static_cast<int>(left.count())) <= 0) return false;
    const auto count = read(pipe, buffer.data(), buffer.size());
    if (count <= 0) return count == 0;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return false;
}

/// Waits for a child's end, but kills its group at the deadline. Its status, as waitpid has it.
int end_of(pid_t child, bool is_awaited, Clock::time_point deadline) {
  int status = 0;
  while (is_awaited && Clock::now() < deadline) {
    if (waitpid(child, &status, WNOHANG) == child) return status;
    usleep(1000);
  }
  kill(-child, SIGKILL);
  waitpid(child, &status, 0);
  return status;
}

}  // namespace

std::optional<std::string> output_of(const std::vector<std::string>& command,
                                     std::chrono::milliseconds patience, Errors errors) {
  const auto deadline = Clock::now() + patience;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  const File output(ends[0]);
  pid_t child = -1;
  {
    const File input(ends[1]);
    const File nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
    const int error_output = errors == Errors::shown ? STDERR_FILENO : nowhere.number();
    child = start_child(
        {.program = command,
         .descriptors = {{input.number(), STDOUT_FILENO}, {error_output, STDERR_FILENO}},
         .signal_of_death = SIGKILL,
         .has_own_group = true});
  }
  std::string text;
  const bool is_whole = read_all(output.number(), deadline, text);
  const int status = end_of(child, is_whole, deadline);
  if (!is_whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return text;
}

}  // namespace sweep
