#include "sweep/supervisor.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include <sys/wait.h>
#include <unistd.h>

#include "sweep/child_process.hpp"
#include "sweep/comm.hpp"

namespace sweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kTerminalVariable = "MPISWEEP_TERMINAL";

std::vector<std::string> mpirun_command(const std::vector<std::string>& arguments, int num_ranks) {
  std::vector<std::string> command = {"mpirun", "-n", std::to_string(num_ranks)};
  if (mpi_version().starts_with("Open MPI")) {
    // Quiet: our own message explains an exit code. Unbound: two jobs would share the first cores.
    command.insert(command.end(), {"--quiet", "--bind-to", "none", "--oversubscribe"});
  }
  command.push_back(own_program().string());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

/// What mpirun and the ranks should know; inherited by both.
void set_environment() {
  setenv(kTerminalVariable, isatty(STDERR_FILENO) == 1 ? "1" : "0", /*overwrite=*/1);
  if (geteuid() == 0) {  // who runs a sweep as root, in a container say, has decided so
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  }
}

sigset_t watched_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD})
    sigaddset(&signals, signal);
  return signals;
}

/// Waits for one of the signals until the deadline. 0 if none came.
int wait_for_signal(const sigset_t& signals, std::optional<Clock::time_point> deadline) {
  if (!deadline) {
    int signal = 0;
    return sigwait(&signals, &signal) == 0 ? signal : 0;
  }
  const auto left = std::max<std::chrono::nanoseconds>(*deadline - Clock::now(), {});
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  const timespec patience{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  return std::max(0, sigtimedwait(&signals, nullptr, &patience));
}

/// Waits for mpirun's end and passes signals on. Returns its status; `stop_signal` is the signal
/// that asked for the end, or 0.
int wait_for(pid_t mpirun, double grace_s, int& stop_signal) {
  const auto signals = watched_signals();
  std::optional<Clock::time_point> deadline;
  int status = 0;
  while (waitpid(mpirun, &status, WNOHANG) != mpirun) {
    const int signal = wait_for_signal(signals, deadline);
    if (signal == SIGCHLD) continue;
    if (stop_signal == 0 && signal != 0) {
      stop_signal = signal;
      deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                    std::chrono::duration<double>(grace_s));
      std::cerr << "\nstopping: finishing the step and saving (again to stop now)" << std::endl;
      kill(mpirun, SIGUSR1);
    } else if (stop_signal != 0) {
      kill(-mpirun, SIGKILL);
      deadline.reset();
    }
  }
  return status;
}

/// How one MPI job ended.
struct JobEnd {
  int status = 0;       // of mpirun, as waitpid has it
  int stop_signal = 0;  // that asked for the end, or 0
};

JobEnd run_once(const std::vector<std::string>& command, double grace_s) {
  JobEnd end;
  const auto mpirun =
      start_child({.program = command, .signal_of_death = SIGTERM, .has_own_group = true});
  end.status = wait_for(mpirun, grace_s, end.stop_signal);
  return end;
}

/// Whether a rank chose the exit code itself, and so has told people why.
bool has_said_why(int status) {
  if (!WIFEXITED(status)) return false;
  const int code = WEXITSTATUS(status);
  return code <= to_int(ExitCode::folder_busy) || code == to_int(ExitCode::interrupted) ||
         code == to_int(ExitCode::terminated);
}

bool is_missing(int status) {
  return WIFEXITED(status) && WEXITSTATUS(status) == kCannotStart;
}

/// Decides whether a job that died is started again, and when.
class Restarts {
 public:
  explicit Restarts(const SupervisorOptions& options) : options_(options) {}

  /// The pause before the next start, in seconds; nothing if there have been enough.
  std::optional<double> next() {
    const auto num_finished = options_.count_finished();
    const bool has_progressed = num_finished > num_finished_ || Clock::now() - start_ > kLongLife;
    if (has_progressed) num_in_row_ = 0;
    num_finished_ = num_finished;
    start_ = Clock::now();
    if (num_in_row_ >= options_.restarts) return std::nullopt;
    return std::min(std::ldexp(options_.restart_pause_s, num_in_row_++), kLongestPauseSeconds);
  }

 private:
  static constexpr std::chrono::minutes kLongLife{10};  // the job saved packs meanwhile
  static constexpr double kLongestPauseSeconds = 300;

  const SupervisorOptions& options_;
  std::size_t num_finished_ = 0;
  int num_in_row_ = 0;
  Clock::time_point start_ = Clock::now();
};

void tell_death(int status, bool starts_again) {
  std::cerr << "mpisweep: the MPI job died (" << describe_status(status)
            << "), what was finished is kept, "
            << (starts_again ? "starting it again" : "the same command continues") << std::endl;
}

/// Waits, but for a signal that asks for the end. Returns that signal, or 0.
int pause_or_stop(double seconds) {
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(seconds));
  while (Clock::now() < deadline) {
    const int signal = wait_for_signal(watched_signals(), deadline);
    if (signal != 0 && signal != SIGCHLD) return signal;
  }
  return 0;
}

int exit_code_of_stop(int signal) {
  return to_int(signal == SIGTERM ? ExitCode::terminated : ExitCode::interrupted);
}

}  // namespace

int run_under_mpirun(const std::vector<std::string>& arguments, const SupervisorOptions& options) {
  set_environment();
  const auto signals = watched_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const auto command = mpirun_command(arguments, options.num_ranks);
  Restarts restarts(options);
  while (true) {
    const auto end = run_once(command, options.grace_s);
    if (end.stop_signal != 0) return exit_code_of_stop(end.stop_signal);
    if (has_said_why(end.status)) return WEXITSTATUS(end.status);
    if (is_missing(end.status)) {
      std::cerr << "mpisweep: there is no mpirun here, load your site's MPI module or install Open "
                   "MPI (./dev setup)\n";
      return to_int(ExitCode::sweep_failed);
    }
    const auto pause_s = restarts.next();
    tell_death(end.status, pause_s.has_value());
    if (!pause_s) return to_int(ExitCode::sweep_failed);
    if (const int signal = pause_or_stop(*pause_s)) return exit_code_of_stop(signal);
  }
}

bool has_terminal() {
  const char* told = std::getenv(kTerminalVariable);
  return told != nullptr ? std::strcmp(told, "1") == 0 : isatty(STDERR_FILENO) == 1;
}

}  // namespace sweep
