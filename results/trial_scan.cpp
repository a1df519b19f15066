#include "results/trial_scan.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "results/file.hpp"

namespace results {
namespace {

using nlohmann::json;

constexpr int kDeepest = 32;  // lists inside lists, as in ValueColumn

/// What a payload turns out not to be; caught in scan_trial().
struct OtherForm {};

/// Takes one thing after another from the front of a payload.  Throws: OtherForm.
class Scan {
 public:
  explicit Scan(std::string_view payload) : rest_(payload) {}

  bool is_at_end() const { return rest_.empty(); }

  bool skip_if(std::string_view wanted) {
    const bool is_there = rest_.starts_with(wanted);
    if (is_there) rest_.remove_prefix(wanted.size());
    return is_there;
  }

  void skip(std::string_view wanted) {
    if (!skip_if(wanted)) throw OtherForm();
  }

  /// Valid as long as the payload is.
  std::string_view text() {
    skip("\"");
    const auto length =
        static_cast<std::size_t>(std::ranges::find_if_not(rest_, is_plain) - rest_.begin());
    const auto text = rest_.substr(0, length);
    rest_.remove_prefix(length);
    skip("\"");
    return text;
  }

  /// A number of the type that nlohmann gives it: unsigned, signed or float.
  json number() {
    const auto token = take_number();
    if (token.find_first_of(".eE") != std::string_view::npos) return to_number<double>(token);
    if (token.front() == '-') return to_number<std::int64_t>(token);
    return to_number<std::uint64_t>(token);
  }

  template <class Number>
  Number number_as() {
    return to_number<Number>(take_number());
  }

  /// A number, null, or lists of them.
  json value(int depth = 0) {
    if (skip_if("null")) return nullptr;
    if (!skip_if("[")) return number();
    if (depth == kDeepest) throw OtherForm();
    auto list = json::array();
    if (skip_if("]")) return list;
    do {
      list.push_back(value(depth + 1));
    } while (skip_if(","));
    skip("]");
    return list;
  }

 private:
  /// Letters that stand for themselves between quotes.
  static bool is_plain(char letter) {
    return letter >= ' ' && letter < '\x7f' && letter != '"' && letter != '\\';
  }

  static bool begins_with_digit(std::string_view text) {
    return !text.empty() && text.front() >= '0' && text.front() <= '9';
  }

  /// Refuses what from_chars() takes and JSON does not: 01, .5, 1.
  static bool may_be_json(std::string_view token) {
    const auto digits = token.substr(token.starts_with('-') ? 1 : 0);
    if (!begins_with_digit(digits)) return false;
    if (digits.front() == '0' && begins_with_digit(digits.substr(1))) return false;
    const auto point = digits.find('.');
    return point == std::string_view::npos || begins_with_digit(digits.substr(point + 1));
  }

  std::string_view take_number() {
    const auto length = std::min(rest_.find_first_not_of("0123456789+-.eE"), rest_.size());
    const auto token = rest_.substr(0, length);
    if (!may_be_json(token)) throw OtherForm();
    rest_.remove_prefix(length);
    return token;
  }

  template <class Number>
  static Number to_number(std::string_view token) {
    Number number = 0;
    const auto* end = token.data() + token.size();
    const auto [stop, error] = std::from_chars(token.data(), end, number);
    if (stop != end || error != std::errc()) throw OtherForm();
    return number;
  }

  std::string_view rest_;
};

json scan_values(Scan& scan) {
  auto values = json::object();
  scan.skip("{");
  if (scan.skip_if("}")) return values;
  do {
    auto& value = values[std::string(scan.text())];
    scan.skip(":");
    value = scan.value();
  } while (scan.skip_if(","));
  scan.skip("}");
  return values;
}

/// The fields in the order in which serialize() writes them, which is that of the alphabet.
TrialRecord scan_fields(Scan& scan) {
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
  record.values = scan_values(scan);
  scan.skip("}");
  if (!scan.is_at_end()) throw OtherForm();
  return record;
}

}  // namespace

std::optional<TrialRecord> scan_trial(std::string_view payload) {
  try {
    Scan scan(payload);
    return scan_fields(scan);
  } catch (const OtherForm&) {
    return std::nullopt;
  } catch (const StorageError&) {
    return std::nullopt;
  } catch (const protocol::ProtocolError&) {
    return std::nullopt;
  }
}

}  // namespace results
