/// A library to preload (LD_PRELOAD) that lets calls of a program fail as a broken disk does, or
/// kills it in the middle of its work. It looks at calls that change files, and at these alone:
/// write, pwrite, ftruncate, fsync, rename, link, unlink. Environment:
///   FAIL_PATH=TEXT   only calls on paths that contain it
///   FAIL_CALL=NAME FAIL_ERROR=NUMBER [FAIL_WHILE=FILE]
///                    that call fails with this errno, as long as the file exists
///   KILL_AT=NUMBER   the program is killed just before the call of this number, from 1 on; a write
///                    in its middle
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <dlfcn.h>
#include <unistd.h>

namespace {

std::string path_of(int descriptor) {
  char path[PATH_MAX] = {};
  const auto link = "/proc/self/fd/" + std::to_string(descriptor);
  return readlink(link.c_str(), path, sizeof path - 1) < 0 ? "" : path;
}

bool is_meant(const std::string& path) {
  const char* part = std::getenv("FAIL_PATH");
  return part != nullptr && path.find(part) != std::string::npos;
}

/// Counts the calls. True for the one that is to be the last.
bool is_last_call() {
  static int num_calls = 0;
  const char* number = std::getenv("KILL_AT");
  return number != nullptr && ++num_calls == std::atoi(number);
}

/// Whether a call is to fail; errno is set then. `before_kill` is done if it is to be the last.
template <class Act>
bool fails(const char* call, const std::string& path, Act before_kill) {
  if (!is_meant(path)) return false;
  if (is_last_call()) {
    before_kill();
    raise(SIGKILL);
  }
  const char* failing = std::getenv("FAIL_CALL");
  const char* error = std::getenv("FAIL_ERROR");
  const char* flag = std::getenv("FAIL_WHILE");
  if (failing == nullptr || error == nullptr || std::strcmp(failing, call) != 0) return false;
  if (flag != nullptr && access(flag, F_OK) != 0) return false;
  errno = std::atoi(error);
  return true;
}

bool fails(const char* call, const std::string& path) {
  return fails(call, path, [] {});
}

/// The function that we stand in front of.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int file, const void* bytes, size_t count) {
  auto* const really_write = next<decltype(write)>("write");
  const auto write_half = [&] { return really_write(file, bytes, count / 2); };
  if (fails("write", path_of(file), write_half)) return -1;
  return really_write(file, bytes, count);
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t offset) {
  if (fails("pwrite", path_of(file))) return -1;
  return next<decltype(pwrite)>("pwrite")(file, bytes, count, offset);
}

int ftruncate(int file, off_t length) noexcept {
  if (fails("ftruncate", path_of(file))) return -1;
  return next<int(int, off_t)>("ftruncate")(file, length);
}

int fsync(int file) {
  if (fails("fsync", path_of(file))) return -1;
  return next<decltype(fsync)>("fsync")(file);
}

int rename(const char* from, const char* to) noexcept {
  if (fails("rename", to)) return -1;
  return next<int(const char*, const char*)>("rename")(from, to);
}

int link(const char* from, const char* to) noexcept {
  if (fails("link", to)) return -1;
  return next<int(const char*, const char*)>("link")(from, to);
}

int unlink(const char* path) noexcept {
  if (fails("unlink", path)) return -1;
  return next<int(const char*)>("unlink")(path);
}
}
