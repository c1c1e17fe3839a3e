// Files that appear whole or not at all: written under a temporary name, synced, renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace equal {

/// The name under which `path` is written before it is complete: "<path>.tmp". A leftover of a killed run may be
/// overwritten.
std::filesystem::path temporary_name(const std::filesystem::path& path);

/// fsync(file), rename(temporary_name(path), path), fsync(folder). Throws EnvironmentError naming the file.
void publish(const std::filesystem::path& path);

/// Writes `bytes` to the temporary name and publishes it.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The whole file. Throws DataError when it cannot be read or is larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = std::uint64_t{1} << 30);

void sync_folder(const std::filesystem::path& folder);

/// A file descriptor that closes itself.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept;

 private:
  int fd_ = -1;
};

/// Appends all bytes or throws EnvironmentError (disk full names how much is missing).
void write_all(int fd, std::string_view bytes, const std::string& path);

/// Writes all bytes at `offset`, likewise.
void write_all_at(int fd, std::string_view bytes, std::uint64_t offset, const std::string& path);

/// Fills `out` from `offset` on as far as the file goes; returns the bytes read. Throws EnvironmentError on I/O errors.
std::size_t read_at(int fd, std::span<std::byte> out, std::uint64_t offset, const std::string& path);

}  // namespace equal
