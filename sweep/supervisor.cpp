#include "sweep/supervisor.hpp"

#include <algorithm>
#include <array>
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
#include "sweep/folder_progress.hpp"

namespace sweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kTerminalVariable = "MPISWEEP_TERMINAL";

/// What the launcher and the ranks should know; inherited by both.
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

constexpr auto kNever = Clock::time_point::max();

/// Waits for one of the signals until the deadline. 0 if none came.
int wait_for_signal(const sigset_t& signals, Clock::time_point deadline) {
  if (deadline == kNever) {
    int signal = 0;
    return sigwait(&signals, &signal) == 0 ? signal : 0;
  }
  const auto left = std::max<std::chrono::nanoseconds>(deadline - Clock::now(), {});
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  const timespec patience{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  return std::max(0, sigtimedwait(&signals, nullptr, &patience));
}

/// Waits for the launcher's end and passes signals on. Returns its status; `stop_signal` is the
/// signal that asked for the end, or 0.
int wait_for(pid_t launcher, double grace_s, int& stop_signal) {
  const auto signals = watched_signals();
  auto deadline = kNever;
  int status = 0;
  while (waitpid(launcher, &status, WNOHANG) != launcher) {
    const int signal = wait_for_signal(signals, deadline);
    if (signal == SIGCHLD) continue;
    if (stop_signal == 0 && signal != 0) {
      stop_signal = signal;
      deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                    std::chrono::duration<double>(grace_s));
      std::cerr << "\nstopping: finishing the step and saving (again to stop now)" << std::endl;
      kill(launcher, SIGUSR1);
    } else if (stop_signal != 0) {
      kill(-launcher, SIGKILL);
      deadline = kNever;
    }
  }
  return status;
}

/// How one MPI job ended.
struct JobEnd {
  int status = 0;       // of the launcher, as waitpid has it
  int stop_signal = 0;  // that asked for the end, or 0
};

/// mpirun does not hear SIGTERM, which Slurm sends to every process of a job, or it would end the
/// ranks before they have saved. srun cannot be kept from it.
JobEnd run_once(const SupervisorOptions& options, const std::vector<std::string>& command) {
  JobEnd end;
  const bool is_mpirun = options.launcher == Launcher::mpirun;
  const auto launcher = start_child({.program = command,
                                     .signal_of_death = is_mpirun ? SIGINT : SIGTERM,
                                     .has_own_group = true,
                                     .is_deaf_to_term = is_mpirun});
  end.status = wait_for(launcher, options.grace_s, end.stop_signal);
  return end;
}

/// Whether a rank chose the exit code itself, and so has told people why.
bool has_said_why(int status) {
  if (!WIFEXITED(status)) return false;
  static constexpr std::array kCodes = {to_int(ExitCode::success),
                                        to_int(ExitCode::bad_input),
                                        to_int(ExitCode::trials_failed),
                                        to_int(ExitCode::folder_busy),
                                        to_int(ExitCode::interrupted),
                                        to_int(ExitCode::terminated),
                                        kSupervisedFailure};
  return std::ranges::find(kCodes, WEXITSTATUS(status)) != kCodes.end();
}

/// What a rank said, as our own exit code.
int code_said(int status) {
  const int code = WEXITSTATUS(status);
  return code == kSupervisedFailure ? to_int(ExitCode::sweep_failed) : code;
}

/// Whether no trial was left, even if we were told to stop.
bool is_done(int status) {
  return WIFEXITED(status) && (WEXITSTATUS(status) == to_int(ExitCode::success) ||
                               WEXITSTATUS(status) == to_int(ExitCode::trials_failed));
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
    const auto progress = progress_in(options_.folder);
    if (has_moved(progress_, progress)) num_in_row_ = 0;
    progress_ = progress;
    if (num_in_row_ >= options_.restarts) return std::nullopt;
    return std::min(std::ldexp(options_.restart_pause_s, num_in_row_++), kLongestPauseSeconds);
  }

 private:
  static constexpr double kLongestPauseSeconds = 300;

  const SupervisorOptions& options_;
  FolderProgress progress_ = progress_in(options_.folder);
  int num_in_row_ = 0;
};

void tell_death(int status, bool starts_again) {
  std::cerr << "mpisweep: the MPI job died (" << describe_status(status)
            << "), what was finished is kept, "
            << (starts_again ? "starting it again" : "the same command continues") << std::endl;
}

constexpr int kNoLaunch = 1 << 8;  // as waitpid has exit code 1

/// Empty, with the reason on standard error, if there is none now, for want of nodes say.
std::vector<std::string> next_command(const SupervisorOptions& options) {
  try {
    return options.command();
  } catch (const std::exception& error) {
    std::cerr << "mpisweep: " << error.what() << std::endl;
    return {};
  }
}

void tell_missing(const std::string& launcher) {
  std::cerr << "mpisweep: there is no " << launcher
            << " here, load your site's MPI module or install Open MPI (./dev setup)\n";
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

SupervisedEnd supervise(const SupervisorOptions& options) {
  set_environment();
  const auto signals = watched_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  Restarts restarts(options);
  while (true) {
    const auto command = next_command(options);
    const auto end = command.empty() ? JobEnd{.status = kNoLaunch} : run_once(options, command);
    if (end.stop_signal != 0 && !is_done(end.status)) return {exit_code_of_stop(end.stop_signal)};
    if (has_said_why(end.status)) return {code_said(end.status)};
    if (is_missing(end.status)) {
      tell_missing(command.front());
      return {to_int(ExitCode::sweep_failed)};
    }
    const auto pause_s = restarts.next();
    tell_death(end.status, pause_s.has_value());
    if (!pause_s) return {.exit_code = to_int(ExitCode::sweep_failed), .has_died = true};
    if (const int signal = pause_or_stop(*pause_s)) return {exit_code_of_stop(signal)};
  }
}

bool has_terminal() {
  const char* told = std::getenv(kTerminalVariable);
  return told != nullptr ? std::strcmp(told, "1") == 0 : isatty(STDERR_FILENO) == 1;
}

}  // namespace sweep
