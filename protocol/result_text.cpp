#include "protocol/result_text.hpp"

#include <cstdint>
#include <string_view>

#include "protocol/json_scan.hpp"

namespace protocol {
namespace {

constexpr std::string_view kBegin = R"({"elapsed_s":)";

}  // namespace

std::string to_text(const Result& result) {
  std::string text(kBegin);
  append_number(text, result.elapsed_s);
  if (result.epoch) append_number(text += R"(,"epoch":)", std::int64_t{*result.epoch});
  if (!result.error.empty()) append_text(text += R"(,"error":)", result.error);
  append_text(text += R"(,"id":)", result.id);
  append_number(text += R"(,"pack":)", result.pack);
  append_text(text += R"(,"status":)", to_string(result.status));
  append_json(text += R"(,"type":"result","values":)", result.values);
  return text += "}";
}

std::optional<Result> scan_result(const std::string& line) {
  JsonScan scan(line);
  if (!scan.skip_if(kBegin)) return std::nullopt;  // an exception for each would take too long
  try {
    Result result;
    result.elapsed_s = scan.number_as<double>();
    if (scan.skip_if(R"(,"epoch":)")) result.epoch = scan.number_as<int>();
    if (scan.skip_if(R"(,"error":)")) result.error = scan.text();
    scan.skip(R"(,"id":)");
    result.id = scan.text();
    scan.skip(R"(,"pack":)");
    result.pack = scan.number_as<std::int64_t>();
    scan.skip(R"(,"status":)");
    result.status = outcome_from(std::string(scan.text()));
    scan.skip(R"(,"type":"result","values":)");
    result.values = scan.numbers_by_name();
    scan.skip("}");
    scan.end();
    return result;
  } catch (const OtherForm&) {
    return std::nullopt;
  }
}

}  // namespace protocol
