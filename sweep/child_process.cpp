#include "sweep/child_process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sweep {
namespace {

constexpr const char* kOwnProgram = "/proc/self/exe";  // also when it was built again meanwhile

void check_posix(int error, const char* call) {
  if (error != 0) throw std::system_error(error, std::generic_category(), call);
}

/// Makes the kernel take this process before its parent when memory runs out: a rank that lives on
/// can tell of its trainer's end.
void go_before_parent() {
  constexpr int kMore = 500;
  constexpr int kHighest = 1000;
  int score = 0;
  std::ifstream("/proc/self/oom_score_adj") >> score;
  std::ofstream("/proc/self/oom_score_adj") << std::min(score + kMore, kHighest);
}

/// Null-terminated, as exec wants it; valid as long as the strings are.
std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (auto& string : strings)
    pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

class FileActions {
 public:
  explicit FileActions(const ChildOptions& options) {
    check_posix(posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init");
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    for (const auto& [ours, theirs] : options.descriptors) {
      posix_spawn_file_actions_adddup2(&actions_, ours, theirs);
    }
    if (!options.folder.empty()) {
      posix_spawn_file_actions_addchdir_np(&actions_, options.folder.c_str());
    }
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_ = {};
};

class Attributes {
 public:
  explicit Attributes(const ChildOptions& options) {
    check_posix(posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
    sigset_t blocked;
    sigemptyset(&blocked);
    if (options.is_deaf_to_term) sigaddset(&blocked, SIGTERM);
    posix_spawnattr_setsigmask(&attributes_, &blocked);
    posix_spawnattr_setpgroup(&attributes_, 0);
    const int group = options.has_own_group ? POSIX_SPAWN_SETPGROUP : 0;
    posix_spawnattr_setflags(&attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | group));
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_ = {};
};

/// Returns an exit code only if it fails.
int become(std::vector<std::string> program) {
  execvp(program.front().c_str(), pointers_to(program).data());
  std::cerr << "cannot start " << program.front() << " (" << std::strerror(errno) << ")\n";
  return kCannotStart;
}

}  // namespace

pid_t start_child(const ChildOptions& options) {
  std::vector<std::string> arguments = {
      own_program().string(), kExecChildCommand, std::to_string(options.signal_of_death),
      std::to_string(getpid()), options.is_first_to_go ? "1" : "0"};
  arguments.insert(arguments.end(), options.program.begin(), options.program.end());
  auto environment = options.environment;
  const auto variables = pointers_to(environment);
  pid_t process = -1;
  check_posix(
      posix_spawn(&process, kOwnProgram, FileActions(options).get(), Attributes(options).get(),
                  pointers_to(arguments).data(), environment.empty() ? environ : variables.data()),
      "posix_spawn");
  return process;
}

std::string describe_status(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return "signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  }
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

int exec_child(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4) return kCannotStart;
  prctl(PR_SET_PDEATHSIG, std::stoi(arguments[0]));
  if (getppid() != std::stoi(arguments[1])) return kCannotStart;  // it ended before we could ask
  if (arguments[2] == "1") go_before_parent();
  return become({arguments.begin() + 3, arguments.end()});
}

int exec_deaf(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return kCannotStart;
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, nullptr);
  return become(arguments);
}

std::filesystem::path own_program() {
  auto path = std::filesystem::read_symlink(kOwnProgram).string();
  constexpr std::string_view kGone = " (deleted)";
  if (path.ends_with(kGone)) path.resize(path.size() - kGone.size());
  return path;
}

}  // namespace sweep
