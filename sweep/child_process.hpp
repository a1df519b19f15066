#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

/// Processes that must not outlive us.
namespace sweep {

struct ChildOptions {
  std::vector<std::string> program = {};              ///< searched in PATH, with its arguments
  std::vector<std::string> environment = {};          ///< NAME=value; empty: ours
  std::filesystem::path folder = {};                  ///< to start in; empty: ours
  std::vector<std::pair<int, int>> descriptors = {};  ///< ours and the number it has in the child
  int signal_of_death = 0;                            ///< that the child gets when we end
  bool is_first_to_go = false;   ///< the kernel's first choice when the host is out of memory
  bool has_own_group = false;    ///< a process group of its own, where no Ctrl-C reaches it
  bool is_deaf_to_term = false;  ///< SIGTERM is blocked, unless the program unblocks it
};

/// Starts a child with nothing on its standard input and no signals blocked. It comes to life
/// through `mpisweep exec-child`, because posix_spawn cannot tie its life to ours and fork is
/// unsafe once MPI runs.
/// Throws: std::system_error if no process can be made. A program that cannot be started ends with
/// kCannotStart and says why on standard error.
pid_t start_child(const ChildOptions& options);

/// The exit code of a child whose program could not be started, as shells say it.
inline constexpr int kCannotStart = 127;

/// How a child ended, from waitpid's status: "signal 11 (Segmentation fault)", "exit code 3".
std::string describe_status(int status);

/// The hidden command `exec-child`: asks the kernel for a signal when the parent ends, checks that
/// it has not ended yet, and becomes the program. Returns an exit code only if that fails.
/// `arguments`: the signal, the parent's process number, whether it is the first to go (0 or 1),
/// the program with its arguments.
int exec_child(const std::vector<std::string>& arguments);

/// The name of that command.
inline constexpr const char* kExecChildCommand = "exec-child";

/// The hidden command `exec-deaf`: blocks SIGTERM and becomes the program. Returns an exit code
/// only if that fails. `arguments`: the program with its own.
int exec_deaf(const std::vector<std::string>& arguments);

/// The name of that command.
inline constexpr const char* kExecDeafCommand = "exec-deaf";

/// The path that the running program was started from; another one may lie there by now.
std::filesystem::path own_program();

}  // namespace sweep
