/// What a trainer, or a rank, sends: bytes in pieces, lines, messages.
#include <algorithm>
#include <array>
#include <optional>

#include <sys/socket.h>
#include <unistd.h>

#include "protocol/line_socket.hpp"
#include "protocol/messages.hpp"
#include "sweep/worker_messages.hpp"
#include "tests/fuzz/fuzzer.hpp"

namespace {

using fuzz::require;

/// Sends the bytes in pieces and takes after each piece what has arrived. The pieces' size follows
/// from the input's, so that an input has one meaning.
std::vector<std::string> lines_of(std::string_view input) {
  std::array<int, 2> ends = {};
  require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0, "there is a socket");
  protocol::LineReader reader(ends[0]);
  std::vector<std::string> lines;
  const auto take_all = [&] {
    while (auto line = reader.take())
      lines.push_back(std::move(*line));
  };
  const auto piece = 1 + std::max(input.size() % 61, input.size() / 64);
  for (auto rest = input; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) {
    const auto size = std::min(piece, rest.size());
    require(send(ends[1], rest.data(), size, 0) == static_cast<ssize_t>(size), "a piece is sent");
    require(reader.receive(), "the other side is there");
    take_all();
  }
  close(ends[1]);
  require(!reader.receive(), "the other side is gone");
  require(!reader.take(), "every line was taken");
  close(ends[0]);
  return lines;
}

/// The input's lines by another way: what stands before each newline.
std::vector<std::string> split(std::string_view input) {
  std::vector<std::string> lines;
  for (auto end = input.find('\n'); end != input.npos; end = input.find('\n')) {
    lines.emplace_back(input.substr(0, end));
    input.remove_prefix(end + 1);
  }
  return lines;
}

/// The message in a line, or nothing if the line is refused as it may be.
template <class Parse>
auto parse_or_nothing(const std::string& line, Parse parse)
    -> std::optional<decltype(parse(line))> {
  try {
    return parse(line);
  } catch (const protocol::ProtocolError&) {
    return std::nullopt;
  }
}

template <class Parse, class Serialize>
void check_round_trip(const std::string& line, Parse parse, Serialize serialize) {
  const auto message = parse_or_nothing(line, parse);
  if (!message) return;
  const std::string text = serialize(*message);
  require(text.find('\n') == text.npos, "a message is one line");
  require(serialize(parse(text)) == text, "a message comes back the same");
}

}  // namespace

void fuzz::try_input(std::string_view input) {
  const auto lines = lines_of(input);
  require(lines == split(input), "pieces make no difference to lines");
  for (const auto& line : lines) {
    check_round_trip(line, protocol::parse_message,
                     [](const protocol::Message& message) { return serialize(message); });
    check_round_trip(line, sweep::parse_report,
                     [](const sweep::Report& report) { return serialize(report); });
    check_round_trip(line, sweep::parse_command,
                     [](const sweep::Command& command) { return serialize(command); });
  }
}
