#include "protocol/messages.hpp"

#include <array>
#include <utility>

#include "protocol/json_fields.hpp"
#include "protocol/json_scan.hpp"
#include "protocol/result_text.hpp"
#include "protocol/suggestion.hpp"

namespace protocol {
namespace {

using nlohmann::json;

constexpr std::array kOutcomeNames = {std::pair{Outcome::finished, "finished"},
                                      std::pair{Outcome::diverged, "diverged"},
                                      std::pair{Outcome::failed, "failed"}};

constexpr std::array kCauseNames = {
    std::pair{Cause::none, "none"},   std::pair{Cause::exception, "exception"},
    std::pair{Cause::crash, "crash"}, std::pair{Cause::killed, "killed"},
    std::pair{Cause::hang, "hang"},   std::pair{Cause::out_of_memory, "out_of_memory"}};

/// The name of an enumerator.
template <class Names, class Value>
std::string name_in(const Names& names, Value value) {
  for (const auto& [each, name] : names) {
    if (each == value) return name;
  }
  throw ProtocolError("value " + std::to_string(static_cast<int>(value)) + " has no name");
}

/// The enumerator of a name; `kind` is what people call such names.
template <class Names>
auto value_in(const Names& names, const std::string& text, const std::string& kind) {
  std::string known;
  for (const auto& [value, name] : names) {
    if (name == text) return value;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw ProtocolError("unknown " + kind + " '" + text + "' (want one of " + known + ")");
}

template <class Value>
void put_if_present(json& object, const char* key, const std::optional<Value>& value) {
  if (value) object[key] = *value;
}

// --- parts of messages ---

json to_json(const SettingDeclaration& setting) {
  json object = {{"type", setting.type}, {"help", setting.help}};
  if (!setting.default_value.is_null()) object["default"] = setting.default_value;
  put_if_present(object, "min", setting.min);
  put_if_present(object, "max", setting.max);
  if (!setting.values.empty()) object["values"] = setting.values;
  return object;
}

SettingDeclaration setting_from(const JsonFields& fields) {
  return {.type = fields.required<std::string>("type"),
          .default_value = fields.value_or<json>("default", nullptr),
          .min = fields.optional<double>("min"),
          .max = fields.optional<double>("max"),
          .values = fields.value_or<std::vector<std::string>>("values", {}),
          .help = fields.value_or<std::string>("help", {})};
}

json to_json(const VariableDeclaration& variable) {
  return {{"dims", variable.dims}, {"units", variable.units}, {"long_name", variable.long_name}};
}

VariableDeclaration variable_from(const JsonFields& fields) {
  return {.dims = fields.value_or<std::vector<std::string>>("dims", {}),
          .units = fields.value_or<std::string>("units", "1"),
          .long_name = fields.value_or<std::string>("long_name", {})};
}

StudyDeclaration study_from(const JsonFields& fields) {
  return {.version = fields.value_or("version", 1),
          .settings = fields.map_of("settings", setting_from),
          .variables = fields.map_of("variables", variable_from),
          .headline = fields.value_or<std::vector<std::string>>("headline", {})};
}

json to_json(const TrialRequest& trial) {
  json object = {{"id", trial.id}};
  put_if_present(object, "seed", trial.seed);
  put_if_present(object, "learning_rate", trial.learning_rate);
  return object;
}

TrialRequest trial_request_from(const JsonFields& fields) {
  return {.id = fields.required<std::string>("id"),
          .seed = fields.optional<std::int64_t>("seed"),
          .learning_rate = fields.optional<double>("learning_rate")};
}

json to_json(const Problem& problem) {
  json object = {{"key", problem.key}, {"problem", problem.problem}, {"hint", problem.hint}};
  put_if_present(object, "index", problem.index);
  return object;
}

Problem problem_from(const JsonFields& fields) {
  return {.key = fields.required<std::string>("key"),
          .problem = fields.required<std::string>("problem"),
          .hint = fields.value_or<std::string>("hint", {}),
          .index = fields.optional<std::size_t>("index")};
}

template <class Item>
json list_to_json(const std::vector<Item>& items) {
  json list = json::array();
  for (const auto& item : items)
    list.push_back(to_json(item));
  return list;
}

template <class Item>
json map_to_json(const std::map<std::string, Item>& items) {
  json object = json::object();
  for (const auto& [name, item] : items)
    object[name] = to_json(item);
  return object;
}

// --- whole messages ---

json to_json(const Hello& hello) {
  json object = {{"type", "hello"},
                 {"version", hello.version},
                 {"device", hello.device},
                 {"threads", hello.threads}};
  if (!hello.cache.empty()) object["cache"] = hello.cache;
  return object;
}

Message hello_from(const JsonFields& fields) {
  return Hello{.version = fields.required<int>("version"),
               .device = fields.required<std::string>("device"),
               .threads = fields.value_or("threads", 1),
               .cache = fields.value_or<std::string>("cache", {})};
}

json to_json(const Check& check) {
  return {{"type", "check"}, {"settings", check.settings}};
}

Message check_from(const JsonFields& fields) {
  return Check{.settings = fields.required<std::vector<json>>("settings")};
}

json to_json(const PackRequest& request) {
  json object = {{"type", "pack"},
                 {"pack", request.pack},
                 {"attempt", request.attempt},
                 {"settings", request.settings},
                 {"checkpoint", request.checkpoint},
                 {"resume", request.resume},
                 {"trials", list_to_json(request.trials)}};
  if (request.checkpoint_every_s > 0) object["checkpoint_every"] = request.checkpoint_every_s;
  return object;
}

Message pack_request_from(const JsonFields& fields) {
  fields.required<std::vector<json>>("trials");  // list_of alone would take it as empty
  return PackRequest{.pack = fields.required<std::int64_t>("pack"),
                     .attempt = fields.value_or("attempt", 1),
                     .settings = fields.object("settings"),
                     .checkpoint = fields.value_or<std::string>("checkpoint", {}),
                     .checkpoint_every_s = fields.value_or("checkpoint_every", 0.0),
                     .resume = fields.value_or("resume", false),
                     .trials = fields.list_of("trials", trial_request_from)};
}

json to_json(const Stop& /*stop*/) {
  return {{"type", "stop"}};
}

Message stop_from(const JsonFields& /*fields*/) {
  return Stop{};
}

json to_json(const Ready& ready) {
  return {{"type", "ready"},
          {"trainer", ready.trainer},
          {"device", ready.device},
          {"studies", map_to_json(ready.studies)}};
}

Message ready_from(const JsonFields& fields) {
  fields.object("studies");  // map_of alone would take it as empty
  return Ready{.trainer = fields.required<std::string>("trainer"),
               .device = fields.value_or<std::string>("device", {}),
               .studies = fields.map_of("studies", study_from)};
}

json to_json(const Checked& checked) {
  return {{"type", "checked"},
          {"problems", list_to_json(checked.problems)},
          {"resolved", checked.resolved},
          {"pack_widths", checked.pack_widths},
          {"memory_bytes", checked.memory_bytes},
          {"costs", checked.costs}};
}

Message checked_from(const JsonFields& fields) {
  return Checked{.problems = fields.list_of("problems", problem_from),
                 .resolved = fields.value_or<std::vector<json>>("resolved", {}),
                 .pack_widths = fields.value_or<std::vector<int>>("pack_widths", {}),
                 .memory_bytes = fields.value_or<std::vector<double>>("memory_bytes", {}),
                 .costs = fields.value_or<std::vector<double>>("costs", {})};
}

json to_json(const Progress& progress) {
  return {{"type", "progress"},
          {"pack", progress.pack},
          {"epoch", progress.epoch},
          {"epochs", progress.epochs}};
}

Message progress_from(const JsonFields& fields) {
  return Progress{.pack = fields.required<std::int64_t>("pack"),
                  .epoch = fields.required<int>("epoch"),
                  .epochs = fields.required<int>("epochs")};
}

Message result_from(const JsonFields& fields) {
  return Result{
      .pack = fields.required<std::int64_t>("pack"),
      .id = fields.required<std::string>("id"),
      .status = outcome_from(fields.required<std::string>("status")),
      .values = fields.find("values") == nullptr ? json::object() : fields.object("values"),
      .error = fields.value_or<std::string>("error", {}),
      .epoch = fields.optional<int>("epoch"),
      .elapsed_s = fields.value_or("elapsed_s", 0.0)};
}

json to_json(const Done& done) {
  return {{"type", "done"}, {"pack", done.pack}};
}

Message done_from(const JsonFields& fields) {
  return Done{.pack = fields.required<std::int64_t>("pack")};
}

json to_json(const PackFailure& failure) {
  return {{"type", "pack_failure"},
          {"pack", failure.pack},
          {"cause", to_string(failure.cause)},
          {"error", failure.error}};
}

Message pack_failure_from(const JsonFields& fields) {
  return PackFailure{.pack = fields.required<std::int64_t>("pack"),
                     .cause = cause_from(fields.required<std::string>("cause")),
                     .error = fields.required<std::string>("error")};
}

json to_json(const Failure& failure) {
  return {{"type", "failure"}, {"error", failure.error}, {"hint", failure.hint}};
}

Message failure_from(const JsonFields& fields) {
  return Failure{.error = fields.required<std::string>("error"),
                 .hint = fields.value_or<std::string>("hint", {})};
}

template <class Body>
std::string to_text(const Body& body) {
  std::string text;
  append_json(text, to_json(body));
  return text;
}

using Reader = Message (*)(const JsonFields&);

const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> by_type = {
      {"hello", hello_from},       {"check", check_from},
      {"pack", pack_request_from}, {"stop", stop_from},
      {"ready", ready_from},       {"checked", checked_from},
      {"progress", progress_from}, {"result", result_from},
      {"done", done_from},         {"pack_failure", pack_failure_from},
      {"failure", failure_from}};
  return by_type;
}

Reader reader_of(const std::string& type) {
  if (const auto found = readers().find(type); found != readers().end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [name, reader] : readers())
    known.push_back(name);
  throw ProtocolError("unknown message type '" + type + "', " + suggest_name(type, known));
}

json parse_line(const std::string& line) {
  try {
    return parse_json(line);
  } catch (const json::exception&) {
    const auto start =
        json(line.substr(0, 200)).dump(-1, ' ', true, json::error_handler_t::replace);
    throw ProtocolError("a message is no JSON: " + start);
  }
}

}  // namespace

std::string to_string(Outcome outcome) {
  return name_in(kOutcomeNames, outcome);
}

Outcome outcome_from(const std::string& text) {
  return value_in(kOutcomeNames, text, "status");
}

std::string to_string(Cause cause) {
  return name_in(kCauseNames, cause);
}

Cause cause_from(const std::string& text) {
  return value_in(kCauseNames, text, "cause");
}

json to_json(const StudyDeclaration& study) {
  return {{"version", study.version},
          {"settings", map_to_json(study.settings)},
          {"variables", map_to_json(study.variables)},
          {"headline", study.headline}};
}

StudyDeclaration study_from_json(const json& json) {
  return study_from(JsonFields(json, "a study's declaration"));
}

std::string serialize(const Message& message) {
  return std::visit([](const auto& body) { return to_text(body); }, message);
}

Message parse_message(const std::string& line) {
  if (auto result = scan_result(line)) return std::move(*result);
  return message_from_json(parse_line(line));
}

Message message_from_json(const json& object) {
  const auto type = JsonFields(object, "a message").required<std::string>("type");
  return reader_of(type)(JsonFields(object, "message '" + type + "'"));
}

}  // namespace protocol
