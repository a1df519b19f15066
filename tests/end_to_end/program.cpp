#include "tests/end_to_end/program.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/temporary_folder.hpp"

namespace end_to_end {
namespace {

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  return ends;
}

/// The parent of every living process, from /proc/<number>/stat: "12 (name) S 7 ...".
std::map<pid_t, pid_t> parents() {
  std::map<pid_t, pid_t> parents;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;
    if (!std::getline(file, text)) continue;
    const auto after_name = text.rfind(')');
    if (after_name == std::string::npos) continue;
    parents[std::stoi(name)] = std::stoi(text.substr(after_name + 4));
  }
  return parents;
}

/// Whether none of its threads is left, and with them all that it held; its parent may still ask.
bool is_dead(pid_t process) {
  const auto folder = std::filesystem::path("/proc") / std::to_string(process);
  std::ifstream file(folder / "stat");
  std::string text;
  if (!std::getline(file, text)) return true;
  const auto after_name = text.rfind(')');
  if (after_name == std::string::npos || text.substr(after_name + 2, 1) != "Z") return false;
  std::error_code gone;
  const std::filesystem::directory_iterator threads(folder / "task", gone);
  return gone || std::distance(begin(threads), end(threads)) <= 1;
}

/// Appends what has arrived. False at the end of the stream.
bool read_some(int file, std::string& text) {
  std::array<char, 65536> buffer{};
  const auto count = read(file, buffer.data(), buffer.size());
  if (count <= 0) return false;
  text.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

}  // namespace

Program::Program(const std::vector<std::string>& command) {
  const auto out = make_pipe();
  const auto err = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  auto strings = command;
  std::vector<char*> arguments;
  for (auto& string : strings)
    arguments.push_back(string.data());
  arguments.push_back(nullptr);
  const int error =
      posix_spawnp(&process_, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(out[1]);
  close(err[1]);
  out_ = out[0];
  err_ = err[0];
  if (error != 0) throw std::runtime_error("cannot start " + command[0]);
}

Program::~Program() {
  if (!has_ended_) {
    kill_all();
    waitpid(process_, nullptr, 0);
  }
  close(out_);
  close(err_);
}

void Program::signal(int number) const {
  kill(process_, number);
}

void Program::kill_all() const {
  auto victims = descendants_of(process_);
  victims.push_back(process_);
  for (const auto victim : victims)
    kill(victim, SIGKILL);
  wait_until([&] { return std::ranges::all_of(victims, is_dead); });
}

Ended Program::wait() {
  Ended ended;
  std::array<pollfd, 2> files = {pollfd{.fd = out_, .events = POLLIN, .revents = 0},
                                 pollfd{.fd = err_, .events = POLLIN, .revents = 0}};
  while (files[0].fd >= 0 || files[1].fd >= 0) {
    poll(files.data(), files.size(), -1);
    if (files[0].revents != 0 && !read_some(out_, ended.out)) files[0].fd = -1;
    if (files[1].revents != 0 && !read_some(err_, ended.err)) files[1].fd = -1;
  }
  int status = 0;
  rusage usage = {};
  wait4(process_, &status, 0, &usage);
  has_ended_ = true;
  ended.peak_kb = usage.ru_maxrss;
  ended.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ended;
}

bool wait_until(const std::function<bool()>& is_so) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

Ended run(const std::vector<std::string>& command) {
  return Program(command).wait();
}

std::vector<pid_t> descendants_of(pid_t process) {
  const auto all = parents();
  std::vector<pid_t> found;
  for (const auto& [child, parent] : all) {
    auto ancestor = parent;
    while (ancestor != process && all.contains(ancestor))
      ancestor = all.at(ancestor);
    if (ancestor == process) found.push_back(child);
  }
  return found;
}

pid_t find_descendant(pid_t ancestor, const std::string& part) {
  pid_t found = 0;
  for (const auto process : descendants_of(ancestor)) {
    const auto command = read_bytes("/proc/" + std::to_string(process) + "/cmdline");
    if (command.find(part) != std::string::npos) found = std::max(found, process);
  }
  return found;
}

}  // namespace end_to_end
