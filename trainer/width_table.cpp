#include "trainer/width_table.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

#include "protocol/file.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr double kWorthwhileGain = 1.1;  // of twice the width
constexpr double kNearlyBest = 0.95;

/// An empty object if there is no such file, or it holds something else.
json read_object(const std::filesystem::path& file) {
  std::ifstream stream(file);
  auto all = json::parse(stream, /*cb=*/nullptr, /*allow_exceptions=*/false);
  return all.is_object() ? all : json::object();
}

}  // namespace

Speeds measure_speeds(int limit, const std::function<double(int width)>& speed_at) {
  Speeds speeds;
  double former = 0;
  int num_disappointments = 0;
  for (int width = 1; width <= limit && num_disappointments < 2;) {
    const auto speed = speed_at(width);
    if (speed <= 0) break;
    speeds[width] = speed;
    num_disappointments = speed < kWorthwhileGain * former ? num_disappointments + 1 : 0;
    former = speed;
    width = width < limit ? std::min(2 * width, limit) : limit + 1;
  }
  return speeds;
}

int best_width(const Speeds& speeds) {
  double best = 0;
  for (const auto& [width, speed] : speeds)
    best = std::max(best, speed);
  for (const auto& [width, speed] : speeds)
    if (speed >= kNearlyBest * best) return width;
  return 1;
}

WidthTable::WidthTable(std::filesystem::path file, std::string device)
    : file_(std::move(file)), device_(std::move(device)) {
  if (has_file()) all_ = read_object(file_);
}

std::optional<Speeds> WidthTable::find(const std::string& shape) const {
  try {
    Speeds speeds;
    for (const auto& [width, speed] : all_.at(device_).at(shape).items())
      speeds[std::stoi(width)] = speed;
    return speeds;
  } catch (const std::exception&) {  // it is not there, or somebody wrote something else
    return std::nullopt;
  }
}

void WidthTable::put(const std::string& shape, const Speeds& speeds) {
  auto& own = all_[device_];
  if (!own.is_object()) own = json::object();
  auto& entry = own[shape] = json::object();
  for (const auto& [width, speed] : speeds)
    entry[std::to_string(width)] = speed;
  if (!has_file()) return;
  std::error_code ignored;
  if (file_.has_parent_path()) std::filesystem::create_directories(file_.parent_path(), ignored);
  try {
    protocol::replace_content(file_, all_.dump(/*indent=*/1) + "\n");
  } catch (const protocol::StorageError&) {  // it is measured again the next time
  }
}

}  // namespace trainer
