// Files that stay readable for long, many at a time, without each holding one of the descriptors that a process may
// have (RLIMIT_NOFILE): the least recently read are closed and opened again when they are read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <span>

#include <sys/stat.h>

#include "equal/base/files.hpp"

namespace equal::store {

/// Any thread may read any of them at any time. REQUIRES: the file is immutable; one that was replaced meanwhile is a
/// DataError.
class YieldingFile {
 public:
  /// Throws DataError when the file cannot be opened.
  explicit YieldingFile(std::filesystem::path path);
  ~YieldingFile();
  YieldingFile(const YieldingFile&) = delete;
  YieldingFile& operator=(const YieldingFile&) = delete;

  const struct ::stat& status() const noexcept { return status_; }
  /// As equal::read_at().
  std::size_t read_at(std::span<std::byte> out, std::uint64_t offset) const;

  /// Of all files of the process: a quarter of the descriptors that it may have, at least 8.
  static std::size_t most_open();

 private:
  struct ::stat open() const;  // the lock is held
  std::shared_ptr<const FileDescriptor> descriptor() const;

  std::filesystem::path path_;
  struct ::stat status_ {};
  mutable std::shared_ptr<const FileDescriptor> fd_;        // none: closed
  mutable std::list<const YieldingFile*>::iterator place_;  // among the open ones, while fd_ is there
};

}  // namespace equal::store
