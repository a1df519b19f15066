#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "protocol/line_socket.hpp"
#include "protocol/messages.hpp"

/// The child process that trains, its socket and its output.
namespace sweep {

/// How to start a trainer.
struct TrainerCommand {
  std::vector<std::string> program = {};  ///< with arguments; empty: mpisweep-trainer beside us
  std::filesystem::path folder = {};      ///< its working directory
  int threads = 1;                        ///< for hello and for OMP_NUM_THREADS

  bool operator==(const TrainerCommand&) const = default;
};

/// A running trainer: one socket for messages, one pipe for what it prints. It dies with us, even
/// if we are killed. Dropping it kills it, and what it has started in its process group.
///
///   TrainerProcess trainer(command);
///   trainer.send(protocol::Hello{.device = "cpu"});
///   while (const auto message = trainer.take()) ...
class TrainerProcess {
 public:
  /// Throws: std::system_error if no process or socket can be made.
  explicit TrainerProcess(const TrainerCommand& command);
  ~TrainerProcess();
  TrainerProcess(const TrainerProcess&) = delete;
  TrainerProcess& operator=(const TrainerProcess&) = delete;

  /// By which it was started.
  const TrainerCommand& command() const { return command_; }

  /// Returns when the kernel has taken the whole message.
  /// Throws: protocol::ProtocolError if the trainer is gone, or does not read for ten seconds.
  void send(const protocol::Message& message);

  /// The same with a message's line.
  void send_line(const std::string& line);

  /// The next message that has arrived, if any; does not wait.
  /// Throws: protocol::ProtocolError if the trainer sent what is no message.
  std::optional<protocol::Message> take();

  /// Waits for the next message.
  /// Throws: protocol::ProtocolError if the trainer ends or says nothing until the deadline.
  protocol::Message expect(std::chrono::seconds patience);

  /// What it has printed since the last call, standard output and error as they came. From a
  /// flood, a part and how much was left out.
  std::string take_output();

  /// The last lines it printed, for messages about its end.
  const std::string& last_output() const { return last_output_; }

  /// True once it has exited or closed its socket, and everything it sent has been taken.
  bool has_ended() const { return has_ended_; }

  /// True once its process is over, whatever it has sent.
  bool has_exited();

  /// True if it has closed its socket before it had read all that was sent.
  bool has_left_unread() const { return has_left_unread_; }

  /// Kills it if it still runs, waits, and says how it ended: "signal 11 (Segmentation fault)",
  /// "exit code 3".
  std::string end();

  /// True once it has ended by a kill that was not ours.
  bool was_killed() const { return was_killed_; }

  /// Waits until something arrives or the time is over.
  void wait(std::chrono::milliseconds patience) const;

 private:
  void read_output();

  TrainerCommand command_;
  pid_t process_ = -1;
  int socket_ = -1;
  int output_ = -1;
  std::optional<protocol::LineReader> reader_;
  bool has_ended_ = false;
  bool has_left_unread_ = false;
  bool has_closed_output_ = false;
  bool was_killed_ = false;
  std::optional<int> status_;  // as waitpid has it, once it has exited
  std::string unread_output_;
  std::size_t left_out_bytes_ = 0;  // of the output
  std::string last_output_;
  std::optional<std::string> how_it_ended_;
};

}  // namespace sweep
