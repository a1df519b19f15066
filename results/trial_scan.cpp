#include "results/trial_scan.hpp"

#include <string>

#include "protocol/json_scan.hpp"
#include "results/file.hpp"

namespace results {
namespace {

using protocol::JsonScan;

/// The fields in the order in which serialize() writes them, which is that of the alphabet.
TrialRecord scan_fields(JsonScan& scan) {
  TrialRecord record;
  scan.skip("{\"attempts\":");
  record.attempts = scan.number_as<int>();
  if (scan.skip_if(",\"cause\":")) record.cause = protocol::cause_from(std::string(scan.text()));
  scan.skip(",\"device\":");
  record.device = scan.text();
  scan.skip(",\"elapsed_s\":");
  record.elapsed_s = scan.number_as<double>();
  if (scan.skip_if(",\"error\":")) record.error = scan.text();
  scan.skip(",\"id\":");
  record.id = trial_id_from_hex(std::string(scan.text()));
  scan.skip(",\"rank\":");
  record.rank = scan.number_as<int>();
  scan.skip(",\"status\":");
  record.status = protocol::outcome_from(std::string(scan.text()));
  scan.skip(",\"values\":");
  record.values = scan.numbers_by_name();
  scan.skip("}");
  scan.end();
  return record;
}

}  // namespace

std::optional<TrialRecord> scan_trial(std::string_view payload) {
  try {
    JsonScan scan(payload);
    return scan_fields(scan);
  } catch (const protocol::OtherForm&) {
    return std::nullopt;
  } catch (const StorageError&) {
    return std::nullopt;
  } catch (const protocol::ProtocolError&) {
    return std::nullopt;
  }
}

}  // namespace results
