#include "sweep/slurm_job.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/child_process.hpp"
#include "sweep/clock.hpp"
#include "sweep/time_limit.hpp"

namespace sweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{10};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// An open file that is closed in the end.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

/// What comes through a pipe until its other end is closed; nothing if that takes too long.
std::optional<std::string> read_until(int pipe, Clock::time_point deadline) {
  std::string text;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd readable{.fd = pipe, .events = POLLIN, .revents = 0};
    const int count = left.count() > 0 ? poll(&readable, 1, static_cast<int>(left.count())) : 0;
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    std::array<char, 256> part{};
    const auto size = read(pipe, part.data(), part.size());
    if (size <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
}

/// What a program prints; nothing if it does not end well in time. Its errors are not shown.
std::optional<std::string> output_of(const std::vector<std::string>& program) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  const Descriptor out(ends[0]);
  Descriptor in(ends[1]);
  const Descriptor nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
  const auto child =
      start_child({.program = program,
                   .descriptors = {{in.number(), STDOUT_FILENO}, {nowhere.number(), STDERR_FILENO}},
                   .signal_of_death = SIGKILL});
  in.close();
  auto text = read_until(out.number(), Clock::now() + kPatience);
  if (!text) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const bool has_ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return has_ended_well ? text : std::nullopt;
}

/// "%L" is the time left, in the format of time limits; a word where there is no limit.
std::optional<double> ask_squeue(const std::string& job) {
  try {
    const auto text = output_of({"squeue", "--noheader", "--jobs", job, "--format", "%L"});
    if (!text) return std::nullopt;
    const auto left_s = parse_time(text->substr(0, text->find_first_of(" \n")));
    return left_s ? std::optional(unix_now_s() + *left_s) : std::nullopt;
  } catch (const std::system_error&) {  // no process can be made: those of the sweep will say so
    return std::nullopt;
  }
}

}  // namespace

std::optional<results::SlurmJob> slurm_job() {
  const auto id = variable("SLURM_JOB_ID");
  if (id.empty()) return std::nullopt;
  results::SlurmJob job{.id = id,
                        .num_restarts = std::atoi(variable("SLURM_RESTART_COUNT").c_str()),
                        .cluster = variable("SLURM_CLUSTER_NAME"),
                        .nodes = variable("SLURM_JOB_NODELIST")};
  const auto task = variable("SLURM_ARRAY_TASK_ID");
  if (!task.empty()) job.array_task = variable("SLURM_ARRAY_JOB_ID") + "_" + task;
  return job;
}

std::optional<double> end_of_slurm_job() {
  const auto job = variable("SLURM_JOB_ID");
  if (job.empty()) return std::nullopt;
  const double end_s = std::atof(variable("SLURM_JOB_END_TIME").c_str());
  return end_s > 0 ? std::optional(end_s) : ask_squeue(job);
}

}  // namespace sweep
