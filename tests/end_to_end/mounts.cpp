#include "tests/end_to_end/mounts.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace end_to_end {
namespace {

void write_file(const char* path, const std::string& text) {
  std::ofstream(path) << text;
}

/// Ordinary users may mount in a user namespace of their own. They keep their number there: Open
/// MPI would mistake a 0 for root and meet root's files.
bool enter_own_users() {
  const auto user = std::to_string(getuid());
  const auto group = std::to_string(getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", user + " " + user + " 1");
  write_file("/proc/self/gid_map", group + " " + group + " 1");
  return true;
}

void mount_or_throw(const char* what, const std::filesystem::path& folder, const char* type,
                    unsigned long flags, const std::string& options) {
  if (mount(what, folder.c_str(), type, flags, options.c_str()) == 0) return;
  throw std::runtime_error("mount " + folder.string() + ": " + std::strerror(errno));
}

}  // namespace

std::string enter_own_mounts() {
  if (unshare(CLONE_NEWNS) != 0 && !enter_own_users()) return std::strerror(errno);
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return std::strerror(errno);
  return "";
}

Mount Mount::small(const std::filesystem::path& folder, std::size_t bytes) {
  mount_or_throw("tmpfs", folder, "tmpfs", 0, "size=" + std::to_string(bytes));
  return Mount(folder);
}

Mount Mount::read_only(const std::filesystem::path& folder) {
  mount_or_throw(folder.c_str(), folder, nullptr, MS_BIND, "");
  mount_or_throw("none", folder, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, "");
  return Mount(folder);
}

Mount::~Mount() {
  umount2(folder_.c_str(), MNT_DETACH);
}

}  // namespace end_to_end
