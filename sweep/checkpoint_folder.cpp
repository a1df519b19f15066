#include "sweep/checkpoint_folder.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>

#define XXH_INLINE_ALL  // header only
#include <xxhash.h>

#include "results/file.hpp"

namespace sweep {
namespace {

constexpr std::string_view kPrefix = "checkpoint-";

/// The names of all files of ours in a folder.
std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    auto name = file->path().filename().string();
    if (name.starts_with(kPrefix)) names.push_back(std::move(name));
  }
  return names;
}

/// The key that a whole checkpoint's name holds; nothing for other names.
std::optional<std::uint64_t> key_from(const std::string& name) {
  try {
    return results::trial_id_from_hex(name.substr(kPrefix.size()));
  } catch (const results::StorageError&) {
    return std::nullopt;
  }
}

}  // namespace

std::uint64_t checkpoint_key(std::vector<results::TrialId> trials) {
  std::ranges::sort(trials);
  return XXH3_64bits(trials.data(), trials.size() * sizeof(trials[0]));
}

CheckpointFolder::CheckpointFolder(const std::filesystem::path& output)
    : folder_(std::filesystem::absolute(output)) {}

std::filesystem::path CheckpointFolder::path_of(std::uint64_t key) const {
  return folder_ / (std::string(kPrefix) + results::to_hex(key));
}

bool CheckpointFolder::has(std::uint64_t key) const {
  std::error_code error;
  return std::filesystem::exists(path_of(key), error);
}

bool CheckpointFolder::provide(std::uint64_t key, std::uint64_t from) const {
  if (has(key)) return true;
  if (from == 0) return false;
  const auto temporary = path_of(key) += ".new";
  std::error_code error;
  std::filesystem::copy_file(path_of(from), temporary,
                             std::filesystem::copy_options::overwrite_existing, error);
  if (!error) std::filesystem::rename(temporary, path_of(key), error);
  return !error;
}

void CheckpointFolder::remove(std::uint64_t key) const {
  std::error_code ignored;
  std::filesystem::remove(path_of(key), ignored);
}

std::vector<std::uint64_t> CheckpointFolder::keys() const {
  std::vector<std::uint64_t> keys;
  for (const auto& name : names_in(folder_)) {
    if (const auto key = key_from(name)) keys.push_back(*key);
  }
  return keys;
}

void CheckpointFolder::remove_others(const std::vector<std::uint64_t>& keys) const {
  for (const auto& name : names_in(folder_)) {
    const auto key = key_from(name);
    if (key && std::ranges::find(keys, *key) != keys.end()) continue;
    std::error_code ignored;
    std::filesystem::remove(folder_ / name, ignored);
  }
}

}  // namespace sweep
