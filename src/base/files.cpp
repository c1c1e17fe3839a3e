#include "equal/base/files.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal {
namespace fs = std::filesystem;

fs::path temporary_name(const fs::path& path) {
  fs::path out = path;
  out += ".tmp";
  return out;
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}
FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}
int FileDescriptor::release() noexcept { return std::exchange(fd_, -1); }

namespace {

[[noreturn]] void throw_write_error(int error_number, std::size_t missing, const std::string& path) {
  std::string message = path + ": writing failed: " + errno_text(error_number);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    message += format("; {} more are needed here: free some space and run the same command again",
                      human_bytes(static_cast<double>(missing)));
  }
  throw EnvironmentError(message);
}

}  // namespace

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_write_error(errno, bytes.size(), path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void write_all_at(int fd, std::string_view bytes, std::uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_write_error(errno, bytes.size(), path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

std::size_t read_at(int fd, std::span<std::byte> out, std::uint64_t offset, const std::string& path) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw EnvironmentError(path + ": reading failed: " + errno_text(errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void sync_folder(const fs::path& folder) {
  const FileDescriptor fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw EnvironmentError(folder.string() + ": cannot be opened: " + errno_text(errno));
  // Some network file systems refuse to sync a folder (EINVAL); the rename is then as durable as they make it.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) {
    throw EnvironmentError(folder.string() + ": fsync failed: " + errno_text(errno));
  }
}

void publish(const fs::path& path) {
  const fs::path temporary = temporary_name(path);
  {
    const FileDescriptor fd(::open(temporary.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw EnvironmentError(temporary.string() + ": cannot be opened: " + errno_text(errno));
    if (::fsync(fd.get()) != 0) {
      throw EnvironmentError(temporary.string() + ": fsync failed: " + errno_text(errno));
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    throw EnvironmentError(path.string() + ": cannot be renamed from " + temporary.string() + ": " + errno_text(errno));
  }
  sync_folder(path.parent_path());
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  const fs::path temporary = temporary_name(path);
  {
    const FileDescriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) throw EnvironmentError(temporary.string() + ": cannot be created: " + errno_text(errno));
    write_all(fd.get(), bytes, temporary.string());
  }
  publish(path);
}

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw DataError(path.string() + ": cannot be read: " + errno_text(errno));
  std::string out;
  std::string buffer(1 << 16, '\0');
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(path.string() + ": reading failed: " + errno_text(errno));
    if (got == 0) return out;
    out.append(buffer, 0, static_cast<std::size_t>(got));
    if (out.size() > max_bytes) {
      throw DataError(path.string() + ": larger than the " + human_bytes(static_cast<double>(max_bytes)) +
                      " allowed here");
    }
  }
}

}  // namespace equal
