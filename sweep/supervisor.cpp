#include "sweep/supervisor.hpp"

#include <algorithm>
#include <chrono>
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

constexpr int kMostRestarts = 3;  // of a job that dies
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
      std::cerr << "\nstopping: saving what is finished (again to stop now)" << std::endl;
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
  return WIFEXITED(status) && WEXITSTATUS(status) <= to_int(ExitCode::folder_busy);
}

bool is_missing(int status) {
  return WIFEXITED(status) && WEXITSTATUS(status) == kCannotStart;
}

void tell_death(int status, int restarts) {
  if (is_missing(status)) {
    std::cerr << "mpisweep: there is no mpirun here, load your site's MPI module or install Open "
                 "MPI (./dev setup)\n";
    return;
  }
  std::cerr << "mpisweep: the MPI job died (" << describe_status(status)
            << "), what was finished is kept, "
            << (restarts == kMostRestarts ? "the same command continues" : "starting it again")
            << std::endl;
}

}  // namespace

int run_under_mpirun(const std::vector<std::string>& arguments, int num_ranks, double grace_s) {
  set_environment();
  const auto signals = watched_signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const auto command = mpirun_command(arguments, num_ranks);
  for (int restarts = 0;; ++restarts) {
    const auto end = run_once(command, grace_s);
    if (end.stop_signal != 0) {
      return to_int(end.stop_signal == SIGTERM ? ExitCode::terminated : ExitCode::interrupted);
    }
    if (has_said_why(end.status)) return WEXITSTATUS(end.status);
    tell_death(end.status, restarts);
    if (restarts == kMostRestarts || is_missing(end.status)) return to_int(ExitCode::sweep_failed);
    sleep(1U << static_cast<unsigned>(restarts));
  }
}

bool has_terminal() {
  const char* told = std::getenv(kTerminalVariable);
  return told != nullptr ? std::strcmp(told, "1") == 0 : isatty(STDERR_FILENO) == 1;
}

}  // namespace sweep
