// A file read from some place on, and a compressed one some bytes at a time. Internal to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/types.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"

#include "byte_source.hpp"

namespace equal::store {

class FileSource : public ByteSource {
 public:
  FileSource(const std::filesystem::path& path, std::uint64_t begin)
      : path_(path.string()), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), offset_(begin) {
    if (!fd_) throw DataError(path_ + ": cannot be opened: " + errno_text(errno));
    static_cast<void>(::posix_fadvise(fd_.get(), static_cast<off_t>(begin), 0, POSIX_FADV_SEQUENTIAL));
  }
  std::size_t read(std::span<char> out) override {
    const std::size_t got = read_at(fd_.get(), std::as_writable_bytes(out), offset_, path_);
    offset_ += got;
    return got;
  }
  const std::string& path() const { return path_; }
  std::uint64_t offset() const { return offset_; }

 private:
  std::string path_;
  FileDescriptor fd_;
  std::uint64_t offset_;
};

/// Compressed bytes of a file, some at a time.
class CompressedInput {
 public:
  explicit CompressedInput(const std::filesystem::path& path) : file_(path, 0), buffer_(1 << 18) {}
  bool refill() {
    begin_ = 0;
    end_ = file_.read(buffer_);
    return end_ > 0;
  }
  bool empty() const { return begin_ == end_; }
  const char* data() const { return buffer_.data() + begin_; }
  std::size_t size() const { return end_ - begin_; }
  void consume(std::size_t n) { begin_ += n; }
  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(format("{}: {} near byte {} of the compressed file: fetch it again, or mend it with its tool",
                           file_.path(), problem, file_.offset() - size()));
  }

 private:
  FileSource file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace equal::store
