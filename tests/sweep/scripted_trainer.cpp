/// A trainer that trains nothing and misbehaves on request, for tests of everything around it.
/// A trial's score is seed + learning_rate; its curve counts up to the score. Settings:
///   sleep_ms: N           per trial
///   trouble: NAME         abort | segfault | exit | exit_0 | hang | garbage | half_line | throw |
///                         kill_rank | kill_itself | unknown_message | no_result | flood |
///                         out_of_memory | pack_exception |
///                         leave | linger: exit after the pack, at once or after a while
///   trouble_seed: N       the seed that meets it; the first ones of a pack are done by then
///   trouble_attempts: N   how many attempts meet it; all if absent
///   memory_width: N       widest pack that does not meet out_of_memory
///   heeds_stop: true      looks for a stop after each trial, as the protocol wants it
///   width: N              refused below 2
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>

#include <unistd.h>

#include "protocol/line_socket.hpp"
#include "protocol/messages.hpp"

namespace {

using nlohmann::json;

int connection = 3;

void say(const protocol::Message& message) {
  protocol::write_line(connection, protocol::serialize(message));
}

protocol::Ready introduction() {
  protocol::StudyDeclaration study;
  study.variables["score"] = {.units = "points", .long_name = "seed plus learning rate"};
  study.variables["curve"] = {.dims = {"epoch"}, .units = "points", .long_name = "counts up"};
  study.headline = {"score"};
  return {.trainer = "scripted 1", .device = "nothing", .studies = {{"scripted", study}}};
}

protocol::Checked judge(const protocol::Check& check) {
  protocol::Checked answer{.resolved = check.settings};
  for (std::size_t i = 0; i < check.settings.size(); ++i) {
    if (check.settings[i].value("width", 2) >= 2) continue;
    answer.problems.push_back(
        {.key = "width", .problem = "must be at least 2", .hint = "try 2", .index = i});
  }
  answer.pack_widths.assign(check.settings.size(), 4);
  return answer;
}

void sleep_ms(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

/// Does what a broken trainer does. Returns only for troubles that others see later.
void make_trouble(const std::string& trouble) {
  std::cerr << "about to " << trouble << std::endl;
  if (trouble == "abort") std::abort();
  if (trouble == "segfault") {
    std::signal(SIGSEGV, SIG_DFL);  // a sanitizer would turn it into an exit code
    std::raise(SIGSEGV);
  }
  if (trouble == "kill_rank") kill(getppid(), SIGKILL);
  if (trouble == "kill_itself") kill(getpid(), SIGKILL);
  if (trouble == "exit") std::_Exit(7);
  if (trouble == "exit_0") std::_Exit(0);
  if (trouble == "hang") sleep_ms(3'600'000);
  if (trouble == "garbage") protocol::write_line(connection, "this is no message");
  if (trouble == "unknown_message") protocol::write_line(connection, R"({"type":"dance"})");
  if (trouble == "half_line") {
    const std::string half = R"({"type":"res)";
    if (write(connection, half.data(), half.size()) < 0) std::abort();
    std::_Exit(0);
  }
  if (trouble == "flood") {
    for (int i = 0; i < 200'000; ++i)
      std::cout << "a line that nobody wants to read " << i << '\n';
  }
}

protocol::Result train(const protocol::PackRequest& pack, const protocol::TrialRequest& trial) {
  const auto seed = trial.seed.value_or(0);
  const double score = static_cast<double>(seed) + trial.learning_rate.value_or(0);
  protocol::Result result{.pack = pack.pack, .id = trial.id, .elapsed_s = 0.001};
  auto curve = json::array();
  for (int i = 0; i <= seed % 5; ++i)
    curve.push_back(i);
  result.values = {{"score", score}, {"curve", curve}};
  const auto trouble = pack.settings.value("trouble", "");
  const bool is_meant = pack.settings.value("trouble_seed", std::int64_t{-1}) == seed &&
                        pack.attempt <= pack.settings.value("trouble_attempts", 1'000'000);
  if (trouble.empty() || !is_meant) return result;
  make_trouble(trouble);
  if (trouble == "throw") {
    return {
        .pack = pack.pack, .id = trial.id, .status = protocol::Outcome::failed, .error = "no luck"};
  }
  if (trouble == "no_result") result.id.clear();
  return result;
}

/// What it says of a pack that it cannot train as a whole, if so.
std::optional<protocol::PackFailure> refuse(const protocol::PackRequest& pack) {
  const auto trouble = pack.settings.value("trouble", "");
  const auto width = pack.settings.value("memory_width", std::size_t{1});
  if (trouble == "out_of_memory" && pack.trials.size() > width) {
    return protocol::PackFailure{pack.pack, protocol::Cause::out_of_memory, "too wide"};
  }
  const auto bad_seed = pack.settings.value("trouble_seed", std::int64_t{-1});
  const bool has_bad_seed =
      std::ranges::any_of(pack.trials, [&](const auto& trial) { return trial.seed == bad_seed; });
  if (trouble == "pack_exception" && has_bad_seed) {
    return protocol::PackFailure{pack.pack, protocol::Cause::exception, "bad seed"};
  }
  return std::nullopt;
}

bool is_told_to_stop(protocol::LineReader& reader) {
  reader.receive();
  const auto line = reader.take();
  return line && std::holds_alternative<protocol::Stop>(protocol::parse_message(*line));
}

/// False if it was told to stop.
bool train_pack(const protocol::PackRequest& pack, protocol::LineReader& reader) {
  if (const auto failure = refuse(pack)) {
    say(*failure);
    return true;
  }
  const bool heeds_stop = pack.settings.value("heeds_stop", false);
  bool is_stopped = false;
  for (const auto& trial : pack.trials) {
    sleep_ms(pack.settings.value("sleep_ms", 0));
    is_stopped = heeds_stop && is_told_to_stop(reader);
    if (is_stopped) break;
    const auto result = train(pack, trial);
    if (!result.id.empty()) say(result);
  }
  say(protocol::Done{.pack = pack.pack});
  const auto trouble = pack.settings.value("trouble", "");
  if (trouble == "linger") sleep_ms(100);
  return !is_stopped && trouble != "leave" && trouble != "linger";
}

}  // namespace

int main() {
  if (const char* number = std::getenv(protocol::kSocketVariable)) connection = std::atoi(number);
  protocol::LineReader reader(connection);
  while (const auto line = reader.next()) {
    const auto message = protocol::parse_message(*line);
    if (std::holds_alternative<protocol::Hello>(message)) say(introduction());
    if (const auto* check = std::get_if<protocol::Check>(&message)) say(judge(*check));
    const auto* pack = std::get_if<protocol::PackRequest>(&message);
    if (pack != nullptr && !train_pack(*pack, reader)) return 0;
    if (std::holds_alternative<protocol::Stop>(message)) return 0;
  }
  return 0;
}
