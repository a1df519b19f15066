#pragma once

#include <cstddef>
#include <optional>
#include <string>

/// Lines of text over a file descriptor: the framing of the trainer protocol.
namespace protocol {

inline constexpr std::size_t kMostLineBytes = std::size_t{256} << 20;

/// Reads lines from a descriptor it does not own: a socket, a pipe or a file, blocking or not.
/// Throws, from what reads: ProtocolError if a line has no end within `most_bytes`.
class LineReader {
 public:
  explicit LineReader(int descriptor, std::size_t most_bytes = kMostLineBytes)
      : descriptor_(descriptor), most_bytes_(most_bytes) {}

  /// Waits for the next line, without its newline; nothing if the other side closed between two.
  /// Throws: ProtocolError if it closed inside a line.
  std::optional<std::string> next();

  /// Takes what has arrived without waiting, at most a few MB at a time: a side that never stops
  /// to write must not keep us from everything else. False once the other side has closed.
  /// Throws: ProtocolError if the descriptor cannot be read.
  bool receive();

  /// True if the other side has closed before it had read all that was written to it. A socket
  /// tells, a pipe does not.
  bool was_reset() const { return was_reset_; }

  /// Bytes that were received and not taken.
  std::size_t num_waiting_bytes() const { return received_.size() - begin_; }

  /// The next complete line among what has been received, if any.
  std::optional<std::string> take();

 private:
  enum class Arrival { data, nothing_yet, closed };
  Arrival read_some(int timeout_ms);

  int descriptor_;
  std::size_t most_bytes_;
  bool was_reset_ = false;
  std::string received_ = {};
  std::size_t begin_ = 0;     // of the first line that was not taken
  std::size_t searched_ = 0;  // no newline in [begin_, searched_)
};

inline constexpr int kForever = -1;  ///< a time to wait, in milliseconds

/// Writes a line and its newline. Returns when the kernel has taken every byte, also where the
/// descriptor does not block. The line itself holds no newline.
/// Throws: ProtocolError if the other side has closed, or of a socket reads nothing for so long; no
/// SIGPIPE is raised by a socket.
void write_line(int descriptor, const std::string& line, int patience_ms = kForever);

}  // namespace protocol
