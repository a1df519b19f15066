#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "protocol/line_socket.hpp"
#include "protocol/messages.hpp"
#include "trainer/study.hpp"

namespace trainer {

/// Whether a stop is looked for while a pack trains. It is not where requests come from a file or a
/// pipe: there they are all written beforehand and answered one after the other.
enum class StopDuringPack { heeded, waits };

/// The trainer's side of the protocol: answers requests from one descriptor on another.
class Server {
 public:
  Server(int input, int output, StopDuringPack stop_during_pack)
      : reader_(input), output_(output), stop_during_pack_(stop_during_pack) {}

  /// Serves until it is told to stop or the other side closes. False if it cannot serve at all,
  /// which the other side has then been told.
  /// Throws: protocol::ProtocolError if the other side sends what is no request.
  bool run();

 private:
  bool greet();
  void answer(const protocol::Check& request);
  void answer(const protocol::PackRequest& request);
  std::optional<protocol::Message> next();
  bool should_stop();
  void send(const protocol::Message& message);
  Verdict judge(const nlohmann::json& settings) const;

  protocol::LineReader reader_;
  int output_;
  StopDuringPack stop_during_pack_;
  std::deque<protocol::Message> waiting_ = {};  // arrived while a pack was training
  std::vector<Study> studies_ = {};
};

}  // namespace trainer
