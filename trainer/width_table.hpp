#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

/// How fast packs of one shape train, by their width, as measured once per device.
namespace trainer {

/// Trial-steps per second by pack width.
using Speeds = std::map<int, double>;

/// Speeds at widths 1, 2, 4, ... and at `limit`. Ends early where twice the width gains less than a
/// tenth for the second time in a row, or `speed_at` says 0: no such pack can be trained.
Speeds measure_speeds(int limit, const std::function<double(int width)>& speed_at);

/// The narrowest width that is within 5 % of the fastest; 1 if there is none.
int best_width(const Speeds& speeds);

/// Speeds that are kept in a file, for all devices and versions of LibTorch that meet there:
/// {"<device>, <library>": {"<shape>": {"1": 5021.5, "2": 9876.5, ...}, ...}, ...}
class WidthTable {
 public:
  /// Without a file, or where it cannot be read, the table is empty. `device` is the part of it to
  /// find and put speeds in.
  WidthTable(std::filesystem::path file, std::string device);

  /// False if no file was named.
  bool has_file() const { return !file_.empty(); }

  std::optional<Speeds> find(const std::string& shape) const;

  /// Replaces the file, and makes its folder. Where that cannot be done, we remember all the same.
  void put(const std::string& shape, const Speeds& speeds);

 private:
  std::filesystem::path file_;
  std::string device_;
  nlohmann::json all_ = nlohmann::json::object();
};

}  // namespace trainer
