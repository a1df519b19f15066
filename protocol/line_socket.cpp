#include "protocol/line_socket.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/messages.hpp"

namespace protocol {
namespace {

constexpr std::size_t kMostAtATime = std::size_t{4} << 20;  // bytes

std::string reason(int error) {
  return std::generic_category().message(error);
}

/// Waits until the descriptor is ready; false if the time ran out.
bool wait_for(int descriptor, short events, int timeout_ms) {
  pollfd request = {.fd = descriptor, .events = events, .revents = 0};
  int ready = 0;
  do {
    ready = poll(&request, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready < 0) throw ProtocolError("cannot wait for the other side (" + reason(errno) + ")");
  return ready > 0;
}

/// send() keeps SIGPIPE away and does not block, but knows sockets only.
ssize_t write_some(int descriptor, std::string_view bytes) {
  const auto sent = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0 || errno != ENOTSOCK) return sent;
  return write(descriptor, bytes.data(), bytes.size());
}

}  // namespace

std::optional<std::string> LineReader::next() {
  while (true) {
    if (auto line = take()) return line;
    if (read_some(kForever) != Arrival::closed) continue;
    if (begin_ == received_.size()) return std::nullopt;
    throw ProtocolError("the other side closed inside a message");
  }
}

bool LineReader::receive() {
  auto arrival = Arrival::data;
  const auto enough = std::min(received_.size() - begin_ + kMostAtATime, most_bytes_ + 1);
  while (arrival == Arrival::data && received_.size() - begin_ < enough)
    arrival = read_some(/*timeout_ms=*/0);
  return arrival != Arrival::closed;
}

std::optional<std::string> LineReader::take() {
  const auto newline = received_.find('\n', searched_);
  if (newline == std::string::npos) {
    searched_ = received_.size();
    if (searched_ - begin_ > most_bytes_) {
      throw ProtocolError("a message of more than " + std::to_string(most_bytes_) + " bytes");
    }
    return std::nullopt;
  }
  auto line = received_.substr(begin_, newline - begin_);
  begin_ = searched_ = newline + 1;
  return line;
}

LineReader::Arrival LineReader::read_some(int timeout_ms) {
  if (!wait_for(descriptor_, POLLIN, timeout_ms)) return Arrival::nothing_yet;
  std::array<char, 65536> buffer;  // NOLINT(*-init*): read() fills it
  const auto count = read(descriptor_, buffer.data(), buffer.size());
  was_reset_ = was_reset_ || (count < 0 && errno == ECONNRESET);
  if (count == 0 || was_reset_) return Arrival::closed;
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Arrival::nothing_yet;
  if (count < 0) throw ProtocolError("cannot read from the other side (" + reason(errno) + ")");
  received_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  received_.append(buffer.data(), static_cast<std::size_t>(count));
  return Arrival::data;
}

void write_line(int descriptor, const std::string& line, int patience_ms) {
  assert(line.find('\n') == std::string::npos);
  const auto framed = line + '\n';
  std::string_view rest = framed;
  while (!rest.empty()) {
    const auto count = write_some(descriptor, rest);
    if (count >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      if (wait_for(descriptor, POLLOUT, patience_ms)) continue;
      throw ProtocolError("the other side has read nothing for " + std::to_string(patience_ms) +
                          " ms");
    } else if (errno != EINTR) {
      throw ProtocolError("cannot write to the other side (" + reason(errno) + ")");
    }
  }
}

}  // namespace protocol
