#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

/// Files of the output folder, with errors that people can act on.
namespace protocol {

/// A file of the output folder could not be read or written, or is not what it should be.
class StorageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// " (No space left on device), free space, then the same command continues": the system's reason
/// and, where there is a remedy, what to do.
std::string describe_system_error(int error);

/// One open file, closed on exec.
/// Throws: StorageError with the path and the system's reason, from every member.
class File {
 public:
  /// `flags` as for open(2); a file that is created is readable by all.
  File(std::filesystem::path path, int flags);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size_bytes() const;

  /// Whether the path still leads to this file: nobody has removed, moved or replaced it.
  bool is_in_place() const;

  /// Fills the buffer from a position on; less only where the file ends. Returns the bytes read.
  std::size_t read_at(std::uint64_t offset, std::span<char> buffer) const;

  /// Returns when the kernel has taken every byte; after an error it may have taken some.
  void write_all(std::string_view bytes);
  void truncate(std::uint64_t size_bytes);

  /// Returns when the content is on the disk.
  void sync();

 private:
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path path_;
  int descriptor_;
};

/// Makes it durable that a file of this path was made or renamed.  Throws: StorageError.
void sync_folder_of(const std::filesystem::path& path);

/// Puts a finished temporary file in the place of `target`, in the same folder: whatever happens, a
/// reader finds the former file or the new one, whole. Durable on return.  Throws: StorageError.
void replace_file(const std::filesystem::path& temporary, const std::filesystem::path& target);

/// Gives a file this content in one step, by way of the temporary file `path`.new, which is gone
/// after an error.  Throws: StorageError; the former file is then still there.
void replace_content(const std::filesystem::path& path, std::string_view bytes);

}  // namespace protocol
