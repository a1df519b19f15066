#include "sweep/worker_messages.hpp"

#include <algorithm>

#include "protocol/json_fields.hpp"
#include "protocol/result_text.hpp"

namespace sweep {
namespace {

using Json = nlohmann::json;
using protocol::JsonFields;
using protocol::ProtocolError;

constexpr std::size_t kFullTextBytes = 1 << 20;

/// A lambda per alternative of a variant.
template <class... Lambdas>
struct Overloaded : Lambdas... {
  using Lambdas::operator()...;
};
template <class... Lambdas>
Overloaded(Lambdas...) -> Overloaded<Lambdas...>;

/// Trainers may print any bytes; JSON carries UTF-8 alone.
std::string dump(const Json& json) {
  return json.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

Json to_json(const StartWorker& start) {
  return {{"type", "start"},
          {"program", start.trainer.program},
          {"folder", start.trainer.folder.string()},
          {"threads", start.trainer.threads},
          {"device", start.device},
          {"trial_timeout_s", start.trial_timeout_s}};
}

StartWorker start_from(const JsonFields& fields) {
  return {.trainer = {.program = fields.required<std::vector<std::string>>("program"),
                      .folder = fields.required<std::string>("folder"),
                      .threads = fields.required<int>("threads")},
          .device = fields.required<std::string>("device"),
          .trial_timeout_s = fields.required<double>("trial_timeout_s")};
}

/// Parses with `parse`, and says of anything it throws that the text is no message.
template <class Parse>
auto parse_or_refuse(const std::string& text, Parse parse) {
  try {
    const auto json = protocol::parse_json(text);
    return parse(json, JsonFields(json, "a message of a rank"));
  } catch (const Json::exception& error) {
    throw ProtocolError(std::string("a rank sent what is no message (") + error.what() + ")");
  }
}

/// The alternative that a trainer's message is among a worker's reports.
Report report_from(protocol::Message message) {
  return std::visit(
      Overloaded{[](protocol::Result& result) -> Report { return std::move(result); },
                 [](protocol::Progress& progress) -> Report { return progress; },
                 [](auto&) -> Report { throw ProtocolError("a rank sent an unknown report"); }},
      message);
}

}  // namespace

std::string serialize(const Command& command) {
  return std::visit(
      Overloaded{[](const StartWorker& start) { return dump(to_json(start)); },
                 [](const protocol::PackRequest& pack) { return protocol::serialize(pack); },
                 [](const StopPack&) {
                   return dump({{"type", "stop_pack"}});
                 },
                 [](const ReturnPacks&) {
                   return dump({{"type", "return_packs"}});
                 },
                 [](const QuitWorker&) {
                   return dump({{"type", "quit"}});
                 }},
      command);
}

std::string serialize(const Report& report) {
  return std::visit(
      Overloaded{
          [](const WorkerReady& ready) {
            return dump({{"type", "worker_ready"}, {"host", ready.host}, {"device", ready.device}});
          },
          [](const WorkerUnable& unable) {
            return dump({{"type", "worker_unable"}, {"reason", unable.reason}});
          },
          [](const PackEnd& end) {
            return dump({{"type", "pack_end"},
                         {"pack", end.pack},
                         {"cause", protocol::to_string(end.cause)},
                         {"reason", end.reason},
                         {"busy_s", end.busy_s}});
          },
          [](const PackReturned& returned) {
            return dump({{"type", "pack_returned"}, {"pack", returned.pack}});
          },
          [](const TrainerOutput& output) {
            return dump({{"type", "output"}, {"text", output.text}});
          },
          [](const StopAsked& asked) {
            return dump({{"type", "stop_asked"}, {"signal", asked.signal}});
          },
          [](const auto& message) { return protocol::serialize(message); }},
      report);
}

Command parse_command(const std::string& text) {
  return parse_or_refuse(text, [](const Json& json, const JsonFields& fields) -> Command {
    const auto type = fields.required<std::string>("type");
    if (type == "start") return start_from(fields);
    if (type == "stop_pack") return StopPack{};
    if (type == "return_packs") return ReturnPacks{};
    if (type == "quit") return QuitWorker{};
    const auto message = protocol::message_from_json(json);
    if (const auto* pack = std::get_if<protocol::PackRequest>(&message)) return *pack;
    throw ProtocolError("a rank sent an unknown command '" + type + "'");
  });
}

Report parse_report(const std::string& text) {
  if (auto result = protocol::scan_result(text)) return std::move(*result);
  return parse_or_refuse(text, [](const Json& json, const JsonFields& fields) -> Report {
    const auto type = fields.required<std::string>("type");
    const auto field = [&fields](const char* name) { return fields.required<std::string>(name); };
    if (type == "worker_ready") return WorkerReady{field("host"), field("device")};
    if (type == "worker_unable") return WorkerUnable{field("reason")};
    const auto pack = [&fields] { return fields.required<std::int64_t>("pack"); };
    if (type == "pack_end") {
      return PackEnd{.pack = pack(),
                     .cause = protocol::cause_from(field("cause")),
                     .reason = field("reason"),
                     .busy_s = fields.required<double>("busy_s")};
    }
    if (type == "pack_returned") return PackReturned{pack()};
    if (type == "output") return TrainerOutput{field("text")};
    if (type == "stop_asked") return StopAsked{fields.required<int>("signal")};
    return report_from(protocol::message_from_json(json));
  });
}

std::vector<std::string> serialize_together(const std::vector<Report>& reports) {
  std::vector<std::string> texts;
  for (const auto& report : reports) {
    if (texts.empty() || texts.back().size() >= kFullTextBytes) {
      texts.push_back(serialize(report));
    } else {
      texts.back() += '\n' + serialize(report);
    }
  }
  return texts;
}

std::vector<Report> parse_reports(const std::string& text) {
  std::vector<Report> reports;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find('\n', begin), text.size());
    reports.push_back(parse_report(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return reports;
}

}  // namespace sweep
