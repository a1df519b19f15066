#pragma once

#include <filesystem>
#include <string>

namespace end_to_end {

/// Gives this process file systems of its own, which nobody sees but it and its children. Returns
/// why that is not permitted here, empty if it is. To be called before the others.
std::string enter_own_mounts();

/// A file system in the place of a folder, for as long as this lives.
class Mount {
 public:
  /// An empty one in memory that holds so many bytes.
  static Mount small(const std::filesystem::path& folder, std::size_t bytes);

  /// The folder as it is, but nobody can write to it.
  static Mount read_only(const std::filesystem::path& folder);

  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

 private:
  explicit Mount(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
};

}  // namespace end_to_end
