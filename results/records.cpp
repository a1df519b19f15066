#include "results/records.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <tuple>
#include <utility>

#include "protocol/json_fields.hpp"
#include "protocol/json_scan.hpp"
#include "results/file.hpp"
#include "results/trial_scan.hpp"

namespace results {
namespace {

using nlohmann::json;
using protocol::JsonFields;

constexpr std::size_t kHexDigits = 16;

std::string to_text(const json& object) {
  return object.dump(-1, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
}

/// `read(JsonFields)` of a payload, with its errors as StorageError.
template <class Read>
auto read_payload(const std::string& payload, const char* kind, const Read& read) {
  try {
    const auto object = protocol::parse_json(payload);
    return read(JsonFields(object, kind));
  } catch (const protocol::ProtocolError& error) {
    throw StorageError(error.what());
  } catch (const json::exception& error) {
    throw StorageError(std::string(kind) + " is no JSON (" + error.what() + ")");
  }
}

/// One string of hex digits: a list would need half as much again for a million trials.
std::string join_ids(const std::vector<TrialId>& ids) {
  std::string digits;
  digits.reserve(ids.size() * kHexDigits);
  for (const auto id : ids)
    digits += to_hex(id);
  return digits;
}

std::vector<TrialId> split_ids(const std::string& digits) {
  std::vector<TrialId> ids;
  ids.reserve(digits.size() / kHexDigits);
  for (std::size_t i = 0; i < digits.size(); i += kHexDigits) {
    ids.push_back(trial_id_from_hex(digits.substr(i, kHexDigits)));
  }
  return ids;
}

json axes_to_json(const std::vector<Axis>& axes) {
  auto list = json::array();
  for (const auto& axis : axes)
    list.push_back({{"name", axis.name}, {"values", axis.values}});
  return list;
}

Axis axis_from(const JsonFields& fields) {
  return {.name = fields.required<std::string>("name"),
          .values = fields.required<std::vector<json>>("values")};
}

/// The variables and the headline, as a trainer declares them.
json declaration_to_json(const PlanRecord& plan) {
  return protocol::to_json(
      protocol::StudyDeclaration{.variables = plan.variables, .headline = plan.headline});
}

/// Throws: StorageError unless the axes make as many trials as there are.
void check_axes(const PlanRecord& plan) {
  std::size_t count = 1;
  for (const auto& axis : plan.axes) {
    const bool is_possible = !axis.values.empty() && count <= plan.ids.size();
    count = is_possible ? count * axis.values.size() : 0;
  }
  if (count == plan.ids.size()) return;
  throw StorageError("the axes of a plan record do not make its " +
                     std::to_string(plan.ids.size()) + " trials");
}

/// Whether two values have the same text; to nlohmann 1 and 1.0 are equal.
bool is_same_text(const json& a, const json& b) {
  if (a.is_number_float() != b.is_number_float()) return false;
  if (a.is_array() && b.is_array()) return std::ranges::equal(a, b, is_same_text);
  if (!a.is_object() || !b.is_object()) return a == b;
  return a.size() == b.size() && std::ranges::all_of(a.items(), [&b](const auto& item) {
           return b.contains(item.key()) && is_same_text(item.value(), b.at(item.key()));
         });
}

bool is_same_axis(const Axis& a, const Axis& b) {
  return a.name == b.name && std::ranges::equal(a.values, b.values, is_same_text);
}

PlanRecord plan_from(const JsonFields& fields) {
  auto declaration = protocol::study_from_json(fields.object("declaration"));
  return {.name = fields.required<std::string>("name"),
          .config_text = fields.required<std::string>("config_text"),
          .config_resolved = fields.value_or<json>("config_resolved", nullptr),
          .study = fields.required<std::string>("study"),
          .replicate = fields.required<std::vector<std::string>>("replicate"),
          .axes = fields.list_of("axes", axis_from),
          .ids = split_ids(fields.required<std::string>("ids")),
          .variables = std::move(declaration.variables),
          .headline = std::move(declaration.headline)};
}

SessionRecord session_from(const JsonFields& fields) {
  SessionRecord session{
      .started = fields.required<std::string>("started"),
      .command_line = fields.required<std::string>("command_line"),
      .versions = fields.object("versions").get<std::map<std::string, std::string>>(),
      .num_ranks = fields.required<int>("num_ranks")};
  if (fields.find("slurm") != nullptr) session.slurm = slurm_job_from_json(fields.object("slurm"));
  return session;
}

TrialRecord trial_from(const JsonFields& fields) {
  return {.id = trial_id_from_hex(fields.required<std::string>("id")),
          .status = protocol::outcome_from(fields.required<std::string>("status")),
          .cause = protocol::cause_from(fields.value_or<std::string>("cause", "none")),
          .error = fields.value_or<std::string>("error", {}),
          .attempts = fields.required<int>("attempts"),
          .elapsed_s = fields.value_or("elapsed_s", kMissing),
          .rank = fields.required<int>("rank"),
          .device = fields.required<std::string>("device"),
          .values = fields.object("values")};
}

json worker_to_json(const EndRecord::Worker& worker) {
  return {{"rank", worker.info.rank},     {"host", worker.info.host},
          {"device", worker.info.device}, {"gpu", worker.info.gpu},
          {"busy_s", worker.busy_s},      {"allocated_s", worker.allocated_s},
          {"packs", worker.packs},        {"trials", worker.trials}};
}

EndRecord end_from(const JsonFields& fields) {
  return {.ended = fields.required<std::string>("ended"),
          .reason = fields.required<std::string>("reason"),
          .workers = fields.list_of("workers", worker_from)};
}

}  // namespace

std::string to_hex(TrialId id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kHexDigits, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, id >>= 4) {
    *digit = kDigits[id & 0xF];
  }
  return text;
}

TrialId trial_id_from_hex(const std::string& text) {
  TrialId id = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, id, /*base=*/16);
  if (text.size() == kHexDigits && stop == end && error == std::errc()) return id;
  throw StorageError("'" + text + "' is no trial (want 16 hex digits)");
}

bool PlanRecord::operator==(const PlanRecord& other) const {
  return std::tie(name, config_text, study, replicate, ids) ==
             std::tie(other.name, other.config_text, other.study, other.replicate, other.ids) &&
         declaration_to_json(*this) == declaration_to_json(other) &&
         std::ranges::equal(axes, other.axes, is_same_axis) &&
         is_same_text(config_resolved, other.config_resolved);
}

std::string serialize(const PlanRecord& record) {
  return to_text({{"name", record.name},
                  {"config_text", record.config_text},
                  {"config_resolved", record.config_resolved},
                  {"study", record.study},
                  {"replicate", record.replicate},
                  {"axes", axes_to_json(record.axes)},
                  {"ids", join_ids(record.ids)},
                  {"declaration", declaration_to_json(record)}});
}

json to_json(const SlurmJob& job) {
  json object = {{"job_id", job.id},
                 {"restarts", job.num_restarts},
                 {"cluster", job.cluster},
                 {"nodes", job.nodes}};
  if (!job.array_task.empty()) object["array_task"] = job.array_task;
  return object;
}

SlurmJob slurm_job_from_json(const json& job) {
  const JsonFields fields(job, "a Slurm job");
  return {.id = fields.required<std::string>("job_id"),
          .array_task = fields.value_or<std::string>("array_task", {}),
          .num_restarts = fields.value_or("restarts", 0),
          .cluster = fields.value_or<std::string>("cluster", {}),
          .nodes = fields.value_or<std::string>("nodes", {})};
}

std::string serialize(const SessionRecord& record) {
  json object = {{"started", record.started},
                 {"command_line", record.command_line},
                 {"versions", record.versions},
                 {"num_ranks", record.num_ranks}};
  if (record.slurm) object["slurm"] = to_json(*record.slurm);
  return to_text(object);
}

std::string serialize(const TrialRecord& record) {
  using protocol::append_number;
  using protocol::append_text;
  std::string text = R"({"attempts":)";
  append_number(text, std::int64_t{record.attempts});
  if (record.cause != protocol::Cause::none) {
    append_text(text += R"(,"cause":)", protocol::to_string(record.cause));
  }
  append_text(text += R"(,"device":)", record.device);
  append_number(text += R"(,"elapsed_s":)", record.elapsed_s);
  if (!record.error.empty()) append_text(text += R"(,"error":)", record.error);
  append_text(text += R"(,"id":)", to_hex(record.id));
  append_number(text += R"(,"rank":)", std::int64_t{record.rank});
  append_text(text += R"(,"status":)", protocol::to_string(record.status));
  protocol::append_json(text += R"(,"values":)", record.values);
  return text += "}";
}

std::string serialize(const EndRecord& record) {
  auto workers = json::array();
  for (const auto& worker : record.workers)
    workers.push_back(worker_to_json(worker));
  return to_text({{"ended", record.ended}, {"reason", record.reason}, {"workers", workers}});
}

std::string serialize(const PackRecord& record) {
  return to_text({{"checkpoint", to_hex(record.key)}, {"trials", join_ids(record.trials)}});
}

PlanRecord parse_plan(const std::string& payload) {
  auto plan = read_payload(payload, "a plan record", plan_from);
  check_axes(plan);
  return plan;
}

SessionRecord parse_session(const std::string& payload) {
  return read_payload(payload, "a session record", session_from);
}

TrialRecord parse_trial(const std::string& payload) {
  if (auto record = scan_trial(payload)) return std::move(*record);
  return read_payload(payload, "a trial record", trial_from);
}

EndRecord parse_end(const std::string& payload) {
  return read_payload(payload, "an end record", end_from);
}

PackRecord parse_pack(const std::string& payload) {
  return read_payload(payload, "a pack record", [](const JsonFields& fields) {
    return PackRecord{.key = trial_id_from_hex(fields.required<std::string>("checkpoint")),
                      .trials = split_ids(fields.required<std::string>("trials"))};
  });
}

EndRecord::Worker worker_from(const JsonFields& fields) {
  return {.info = {.rank = fields.required<int>("rank"),
                   .host = fields.required<std::string>("host"),
                   .device = fields.required<std::string>("device"),
                   .gpu = fields.value_or<std::string>("gpu", {})},
          .busy_s = fields.value_or("busy_s", kMissing),
          .allocated_s = fields.value_or("allocated_s", kMissing),
          .packs = fields.required<int>("packs"),
          .trials = fields.required<int>("trials")};
}

}  // namespace results
