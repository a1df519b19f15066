#include "sweep/trainer_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sweep/child_process.hpp"

namespace sweep {
namespace {

constexpr int kTrainerSocket = 3;                  // its number in the trainer
constexpr std::size_t kMostLastOutput = 2'000;     // bytes kept for messages about its end
constexpr std::size_t kMostUnreadOutput = 64'000;  // bytes kept for the log at a time
constexpr int kMostReads = 64;                     // of output at a time
constexpr int kWritePatienceMs = 10'000;

void check_errno(int result, const char* call) {
  if (result != 0) throw std::system_error(errno, std::generic_category(), call);
}

/// Launcher variables would make a trainer that itself loads MPI join our job.
bool is_launcher_variable(std::string_view variable) {
  static constexpr std::array kPrefixes = {"OMPI_", "PMIX_", "PMI_"};
  return std::ranges::any_of(kPrefixes,
                             [&](const char* prefix) { return variable.starts_with(prefix); });
}

std::vector<std::string> trainer_environment(int threads) {
  std::vector<std::string> variables = {
      std::string(protocol::kSocketVariable) + "=" + std::to_string(kTrainerSocket),
      "OMP_NUM_THREADS=" + std::to_string(threads)};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (is_launcher_variable(text) || text.starts_with("OMP_NUM_THREADS=") ||
        text.starts_with(protocol::kSocketVariable)) {
      continue;
    }
    variables.emplace_back(text);
  }
  return variables;
}

/// Two connected descriptors, closed on exec and above those that the child gives a meaning.
std::array<int, 2> make_socket_pair() {
  std::array<int, 2> ends{};
  check_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  for (int& end : ends) {
    const int high = fcntl(end, F_DUPFD_CLOEXEC, 10);
    close(end);
    end = high;
  }
  return ends;
}

std::array<int, 2> make_output_pipe() {
  std::array<int, 2> ends{};
  check_errno(pipe2(ends.data(), O_CLOEXEC), "pipe2");
  const int high = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  close(ends[1]);
  ends[1] = high;
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return ends;
}

/// Whether the other side of a socket is gone.
bool has_hung_up(int socket) {
  pollfd file = {.fd = socket, .events = 0, .revents = 0};
  return poll(&file, 1, /*timeout=*/0) > 0 && (file.revents & POLLHUP) != 0;
}

std::vector<std::string> program_of(const TrainerCommand& command) {
  if (!command.program.empty()) return command.program;
  return {(own_program().parent_path() / "mpisweep-trainer").string()};
}

}  // namespace

TrainerProcess::TrainerProcess(const TrainerCommand& command) : command_(command) {
  const auto sockets = make_socket_pair();
  const auto pipe = make_output_pipe();
  socket_ = sockets[0];
  output_ = pipe[0];
  reader_.emplace(socket_);
  process_ = start_child({.program = program_of(command),
                          .environment = trainer_environment(command.threads),
                          .folder = command.folder,
                          .descriptors = {{pipe[1], STDOUT_FILENO},
                                          {pipe[1], STDERR_FILENO},
                                          {sockets[1], kTrainerSocket}},
                          .signal_of_death = SIGKILL,
                          .is_first_to_go = true,
                          .has_own_group = true});
  close(sockets[1]);
  close(pipe[1]);
}

TrainerProcess::~TrainerProcess() {
  end();
  close(socket_);
  close(output_);
}

void TrainerProcess::send(const protocol::Message& message) {
  send_line(protocol::serialize(message));
}

void TrainerProcess::send_line(const std::string& line) {
  try {
    protocol::write_line(socket_, line, kWritePatienceMs);
  } catch (const protocol::ProtocolError&) {
    has_left_unread_ = has_hung_up(socket_);
    throw;
  }
}

std::optional<protocol::Message> TrainerProcess::take() {
  auto line = reader_->take();
  if (!line) read_output();
  if (!line && !has_ended_) {
    // In this order: what it sent before it exited has arrived. A child of its own may outlive it
    // and hold the socket open.
    const bool is_over = has_exited();
    const auto num_waiting = reader_->num_waiting_bytes();
    const bool is_open = reader_->receive();
    line = reader_->take();
    const bool has_more = reader_->num_waiting_bytes() > num_waiting;
    has_ended_ = !line && (!is_open || (is_over && !has_more));
    has_left_unread_ = has_left_unread_ || reader_->was_reset();
  }
  if (!line) return std::nullopt;
  return protocol::parse_message(*line);
}

protocol::Message TrainerProcess::expect(std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto message = take()) return *message;
    if (has_ended_) {
      const auto how = end();
      throw protocol::ProtocolError("the trainer ended with " + how + ": " + last_output_);
    }
    wait(std::chrono::milliseconds(100));
  }
  throw protocol::ProtocolError("the trainer has said nothing for " +
                                std::to_string(patience.count()) + " s");
}

std::string TrainerProcess::take_output() {
  read_output();
  if (left_out_bytes_ > 0) {
    unread_output_ += "\n[" + std::to_string(left_out_bytes_) + " bytes left out]\n";
    left_out_bytes_ = 0;
  }
  return std::exchange(unread_output_, {});
}

void TrainerProcess::read_output() {
  std::array<char, 4096> buffer{};
  ssize_t count = -1;
  for (int i = 0; i < kMostReads; ++i) {
    count = read(output_, buffer.data(), buffer.size());
    if (count <= 0) break;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(count));
    last_output_ += text;
    if (unread_output_.size() + text.size() <= kMostUnreadOutput) {
      unread_output_ += text;
    } else {
      left_out_bytes_ += text.size();
    }
  }
  if (count == 0) has_closed_output_ = true;
  if (last_output_.size() > kMostLastOutput) {
    last_output_.erase(0, last_output_.size() - kMostLastOutput);
  }
}

bool TrainerProcess::has_exited() {
  int status = 0;
  if (!status_ && waitpid(process_, &status, WNOHANG) == process_) {
    status_ = status;
    kill(-process_, SIGKILL);  // what it has started must not hold on to the device
  }
  return status_.has_value();
}

std::string TrainerProcess::end() {
  if (how_it_ended_) return *how_it_ended_;
  // A trainer that closed its socket is about to exit by itself: its own code says more than ours.
  const int patience_ms = has_ended_ ? 1000 : 0;
  for (int waited_ms = 0; !has_exited() && waited_ms < patience_ms; waited_ms += 5)
    usleep(5000);
  was_killed_ = status_ && WIFSIGNALED(*status_) && WTERMSIG(*status_) == SIGKILL;
  if (!status_) {
    kill(-process_, SIGKILL);
    waitpid(process_, &status_.emplace(), 0);
  }
  read_output();
  const char* by_whom = was_killed_ ? ", by somebody or for want of memory" : "";
  return how_it_ended_.emplace(describe_status(*status_) + by_whom);
}

void TrainerProcess::wait(std::chrono::milliseconds patience) const {
  // poll() passes over negative descriptors; a closed one would end every wait at once.
  std::array<pollfd, 2> files = {
      pollfd{.fd = has_ended_ ? -1 : socket_, .events = POLLIN, .revents = 0},
      pollfd{.fd = has_closed_output_ ? -1 : output_, .events = POLLIN, .revents = 0}};
  poll(files.data(), files.size(), static_cast<int>(patience.count()));
}

}  // namespace sweep
