#include "sweep/time_limit.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace sweep {
namespace {

constexpr double kMinute = 60;
constexpr double kHour = 60 * kMinute;
constexpr double kDay = 24 * kHour;
constexpr std::size_t kMostDigits = 9;

/// Digits and nothing else.
std::optional<double> parse_count(std::string_view text) {
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  unsigned count = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || stop != end) return std::nullopt;
  return count;
}

/// "1:02:03" has three counts; nothing if any of them is none.
std::optional<std::vector<double>> parse_counts(std::string_view text) {
  std::vector<double> counts;
  while (true) {
    const auto end = std::min(text.find(':'), text.size());
    const auto count = parse_count(text.substr(0, end));
    if (!count) return std::nullopt;
    counts.push_back(*count);
    if (end == text.size()) return counts;
    text.remove_prefix(end + 1);
  }
}

/// The sum of counts times the units from `units` on.
double add_up(const std::vector<double>& counts, const double* units) {
  double seconds = 0;
  for (const double count : counts)
    seconds += count * *units++;
  return seconds;
}

}  // namespace

std::optional<double> parse_time(const std::string& text) {
  constexpr double kUnits[] = {kHour, kMinute, 1};
  const auto dash = text.find('-');
  const bool has_days = dash != std::string::npos;
  const auto counts = parse_counts(std::string_view(text).substr(has_days ? dash + 1 : 0));
  if (!counts || counts->size() > 3) return std::nullopt;
  if (!has_days) return add_up(*counts, counts->size() == 3 ? kUnits : kUnits + 1);
  const auto days = parse_count(std::string_view(text).substr(0, dash));
  if (!days) return std::nullopt;
  return *days * kDay + add_up(*counts, kUnits);
}

std::optional<double> end_of_job(const TimeOptions& options, double now_s,
                                 const std::function<std::optional<double>()>& end_of_allocation) {
  auto end_s = options.end_s ? options.end_s : end_of_allocation();
  if (end_s && *end_s <= 0) end_s.reset();
  if (!options.limit_s) return end_s;
  const double limit_end_s = now_s + *options.limit_s;
  return end_s ? std::min(*end_s, limit_end_s) : limit_end_s;
}

}  // namespace sweep
