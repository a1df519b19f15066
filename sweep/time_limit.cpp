#include "sweep/time_limit.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <span>
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

/// Of counts in those units, largest first. Nothing if there are more counts than units.
std::optional<double> add_up(const std::vector<double>& counts, std::span<const double> units) {
  if (counts.size() > units.size()) return std::nullopt;
  return std::inner_product(counts.begin(), counts.end(), units.begin(), 0.0);
}

}  // namespace

std::optional<double> parse_time(const std::string& text) {
  constexpr std::array kUnits = {kHour, kMinute, 1.0};
  const auto dash = text.find('-');
  const bool has_days = dash != std::string::npos;
  const auto counts = parse_counts(std::string_view(text).substr(has_days ? dash + 1 : 0));
  if (!counts) return std::nullopt;
  const bool has_hours = has_days || counts->size() == kUnits.size();
  const auto seconds = add_up(*counts, std::span(kUnits).subspan(has_hours ? 0 : 1));
  if (!has_days || !seconds) return seconds;
  const auto days = parse_count(std::string_view(text).substr(0, dash));
  return days ? std::optional(*days * kDay + *seconds) : std::nullopt;
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
