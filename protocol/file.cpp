#include "protocol/file.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace protocol {
namespace {

constexpr mode_t kReadableByAll = 0644;

/// What a person can do about an error; null if we do not know.
const char* remedy_for(int error) {
  switch (error) {
    case ENOSPC:
      return "free space, then the same command continues";
    case EDQUOT:
      return "free space or ask for more, then the same command continues";
    case EFBIG:
      return "raise the limit on file sizes (ulimit -f), then the same command continues";
    case EIO:
      return "check the disk, then the same command continues";
    case EROFS:
      return "make it writable, or choose another folder with --output";
    case EACCES:
    case EPERM:
      return "check its permissions, or choose another folder";
    default:
      return nullptr;
  }
}

}  // namespace

std::string describe_system_error(int error) {
  const auto* remedy = remedy_for(error);
  return " (" + std::generic_category().message(error) + ")" +
         (remedy == nullptr ? "" : std::string(", ") + remedy);
}

File::File(std::filesystem::path path, int flags)
    : path_(std::move(path)), descriptor_(open(path_.c_str(), flags | O_CLOEXEC, kReadableByAll)) {
  if (descriptor_ < 0) fail("open");
}

File::~File() {
  close(descriptor_);
}

std::uint64_t File::size_bytes() const {
  struct stat status = {};
  if (fstat(descriptor_, &status) != 0) fail("look at");
  return static_cast<std::uint64_t>(status.st_size);
}

bool File::is_in_place() const {
  struct stat ours = {};
  struct stat theirs = {};
  if (fstat(descriptor_, &ours) != 0) fail("look at");
  return stat(path_.c_str(), &theirs) == 0 && ours.st_dev == theirs.st_dev &&
         ours.st_ino == theirs.st_ino;
}

std::size_t File::read_at(std::uint64_t offset, std::span<char> buffer) const {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const auto count = pread(descriptor_, buffer.data() + done, buffer.size() - done,
                             static_cast<off_t>(offset + done));
    if (count == 0) break;
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      fail("read");
    }
  }
  return done;
}

void File::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = write(descriptor_, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      fail("write to");
    }
  }
}

void File::truncate(std::uint64_t size_bytes) {
  if (ftruncate(descriptor_, static_cast<off_t>(size_bytes)) != 0) fail("cut");
}

void File::sync() {
  if (fsync(descriptor_) != 0) fail("sync");
}

void File::fail(const char* what) const {
  throw StorageError("cannot " + std::string(what) + " " + path_.string() +
                     describe_system_error(errno));
}

void sync_folder_of(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  File(folder, O_RDONLY | O_DIRECTORY).sync();
}

void replace_file(const std::filesystem::path& temporary, const std::filesystem::path& target) {
  File(temporary, O_RDONLY).sync();
  std::error_code error;
  std::filesystem::rename(temporary, target, error);
  if (error) {
    throw StorageError("cannot rename " + temporary.string() + " to " + target.string() +
                       describe_system_error(error.value()));
  }
  sync_folder_of(target);
}

void replace_content(const std::filesystem::path& path, std::string_view bytes) {
  auto temporary = path;
  temporary += ".new";
  try {
    File(temporary, O_WRONLY | O_CREAT | O_TRUNC).write_all(bytes);
    replace_file(temporary, path);
  } catch (const StorageError&) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  }
}

}  // namespace protocol
