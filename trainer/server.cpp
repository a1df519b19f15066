#include "trainer/server.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <string_view>
#include <variant>

#include "protocol/suggestion.hpp"
#include "trainer/device.hpp"
#include "trainer/settings.hpp"
#include "trainer/torch.hpp"

namespace trainer {
namespace {

using protocol::Message;
using protocol::ProtocolError;

/// Tells when a time has passed since it last told so.
class Timer {
 public:
  /// `pause_s` <= 0: never.
  explicit Timer(double pause_s) : pause_(pause_s) {}

  bool is_due() {
    const auto now = std::chrono::steady_clock::now();
    if (pause_.count() <= 0 || now - last_ < pause_) return false;
    last_ = now;
    return true;
  }

 private:
  std::chrono::duration<double> pause_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// Decides when the other side hears of progress: often enough to know that training goes on, not
/// so often that it has to work for it.
class Heartbeat {
 public:
  bool is_due(int epoch) {
    const auto now = Clock::now();
    const auto pause = epoch > epoch_ ? kShortest : kLongest;
    if (now - last_ < pause) return false;
    epoch_ = epoch;
    last_ = now;
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kShortest{100};
  static constexpr std::chrono::milliseconds kLongest{2000};

  int epoch_ = 0;
  Clock::time_point last_ = Clock::now();
};

constexpr double kStopPauseSeconds = 0.02;  // between two looks for a stop

/// LibTorch has a type of its own for a device's memory, and none for the host's.
bool is_out_of_memory(const std::exception& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
         std::string_view(error.what()).find("can't allocate memory") != std::string_view::npos;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::vector<std::string> names_of(const std::vector<Study>& studies) {
  std::vector<std::string> names;
  names.reserve(studies.size());
  for (const auto& study : studies)
    names.push_back(study.name);
  return names;
}

/// The study that the settings name; an only study need not be named.
/// Throws: SettingError if there is no such study.
const Study& find_study(const std::vector<Study>& studies, const nlohmann::json& settings) {
  const auto names = names_of(studies);
  if (!settings.contains("study")) {
    if (studies.size() == 1) return studies.front();
    throw SettingError("study", "is missing", protocol::suggest_name("", names));
  }
  const auto& name = settings["study"];
  const auto study =
      std::ranges::find_if(studies, [&](const Study& each) { return name == each.name; });
  if (study != studies.end()) return *study;
  const auto text = name.is_string() ? name.get<std::string>() : name.dump();
  throw SettingError("study", "unknown study '" + text + "'", protocol::suggest_name(text, names));
}

}  // namespace

bool Server::run() {
  if (!greet()) return false;
  while (const auto message = next()) {
    if (std::holds_alternative<protocol::Stop>(*message)) return true;
    if (const auto* check = std::get_if<protocol::Check>(&*message)) {
      answer(*check);
    } else if (const auto* pack = std::get_if<protocol::PackRequest>(&*message)) {
      answer(*pack);
    } else {
      throw ProtocolError("expected a check, a pack or a stop");
    }
  }
  return true;
}

bool Server::greet() {
  const auto message = next();
  if (!message || std::holds_alternative<protocol::Stop>(*message)) return true;
  const auto* hello = std::get_if<protocol::Hello>(&*message);
  if (hello == nullptr) throw ProtocolError("expected a hello as the first message");
  try {
    if (hello->version != protocol::kVersion) {
      throw DeviceError("protocol version " + std::to_string(hello->version) + " is not known",
                        "this trainer speaks version " + std::to_string(protocol::kVersion));
    }
    open_device(hello->device, hello->threads);
  } catch (const DeviceError& error) {
    send(protocol::Failure{.error = error.what(), .hint = error.hint()});
    return false;
  }
  studies_ = make_studies(hello->device, hello->cache);
  protocol::Ready ready = {.trainer = library_version(), .device = hardware_name(hello->device)};
  for (const auto& study : studies_)
    ready.studies[study.name] = study.declaration;
  send(ready);
  return true;
}

void Server::answer(const protocol::Check& request) {
  protocol::Checked checked;
  for (std::size_t i = 0; i < request.settings.size(); ++i) {
    auto verdict = judge(request.settings[i]);
    for (auto& problem : verdict.problems) {
      problem.index = i;
      checked.problems.push_back(problem);
    }
    checked.resolved.push_back(verdict.resolved);
    checked.pack_widths.push_back(verdict.pack_width);
    checked.memory_bytes.push_back(verdict.memory_bytes);
    checked.costs.push_back(verdict.cost);
  }
  send(checked);
}

Verdict Server::judge(const nlohmann::json& settings) const {
  try {
    return find_study(studies_, settings).check(settings);
  } catch (const SettingError& error) {
    return {.problems = {error.problem()}, .resolved = settings};
  }
}

void Server::answer(const protocol::PackRequest& request) {
  Heartbeat heartbeat;
  Timer stop_timer(kStopPauseSeconds);
  Timer save_timer(request.checkpoint.empty() ? 0 : request.checkpoint_every_s);
  const PackListener listener = {
      .on_step =
          [&](int epoch, int epochs) {
            if (!heartbeat.is_due(epoch)) return;
            send(protocol::Progress{.pack = request.pack, .epoch = epoch, .epochs = epochs});
          },
      .should_stop = [&] { return stop_timer.is_due() && should_stop(); },
      .should_save = [&] { return save_timer.is_due(); },
      .on_result = [this](const protocol::Result& result) { send(result); }};
  try {
    find_study(studies_, request.settings).train(request, listener);
  } catch (const ProtocolError&) {
    throw;
  } catch (const std::exception& error) {
    using protocol::Cause;
    send(protocol::PackFailure{
        .pack = request.pack,
        .cause = is_out_of_memory(error) ? Cause::out_of_memory : Cause::exception,
        .error = first_line(error.what())});
    return;
  }
  send(protocol::Done{.pack = request.pack});
}

std::optional<Message> Server::next() {
  if (!waiting_.empty()) {
    auto message = std::move(waiting_.front());
    waiting_.pop_front();
    return message;
  }
  const auto line = reader_.next();
  return line ? std::optional(protocol::parse_message(*line)) : std::nullopt;
}

bool Server::should_stop() {
  if (stop_during_pack_ == StopDuringPack::waits) return false;
  if (!reader_.receive()) return true;
  while (const auto line = reader_.take())
    waiting_.push_back(protocol::parse_message(*line));
  return std::ranges::any_of(waiting_, [](const Message& message) {
    return std::holds_alternative<protocol::Stop>(message);
  });
}

void Server::send(const Message& message) {
  protocol::write_line(output_, protocol::serialize(message));
}

}  // namespace trainer
