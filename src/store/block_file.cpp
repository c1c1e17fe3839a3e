#include "equal/store/block_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"

namespace equal::store {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMagic = "EQBLOCK1";
constexpr std::size_t kDigestDigits = 64;
constexpr std::size_t kFileHeaderBytes = kMagic.size() + kDigestDigits + 4;
constexpr std::size_t kBlockHeaderBytes = 8 + 8 + 4;
constexpr auto kSyncEvery = std::chrono::seconds(30);

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
T get(std::string_view bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string file_header(const std::string& source) {
  std::string out = std::string(kMagic) + source;
  put(out, crc32(out));
  return out;
}

std::string block_header(std::uint64_t number, std::string_view payload) {
  std::string out;
  put(out, number);
  put(out, std::uint64_t{payload.size()});
  const std::uint32_t crc = crc32(payload, crc32(out));
  put(out, crc);
  return out;
}

/// The intact block `number` at `offset` of a file of `file_bytes`, or nothing. `payload` is reused.
bool read_block(int fd, const std::string& path, std::uint64_t file_bytes, std::uint64_t offset, std::uint64_t number,
                std::string& payload) {
  std::array<char, kBlockHeaderBytes> header{};
  if (file_bytes - offset < header.size()) return false;
  if (read_at(fd, std::as_writable_bytes(std::span(header)), offset, path) != header.size()) return false;
  const std::string_view bytes(header.data(), header.size());
  const auto size = get<std::uint64_t>(bytes, 8);
  if (get<std::uint64_t>(bytes, 0) != number || size > file_bytes - offset - header.size()) return false;
  payload.resize(size);
  if (read_at(fd, std::as_writable_bytes(std::span(payload)), offset + header.size(), path) != size) return false;
  return block_header(number, payload) == bytes;
}

void sync_data(int fd, const std::string& path) {
  if (::fdatasync(fd) != 0) throw EnvironmentError(path + ": fdatasync failed: " + errno_text(errno));
}

}  // namespace

BlockFile::BlockFile(fs::path path, const std::string& source, Sync sync) : path_(std::move(path)), sync_(sync) {
  if (source.size() != kDigestDigits)
    throw InternalError(path_.string() + ": the source digest must have 64 hex digits");
  fd_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  struct stat status {};
  if (!fd_ || ::fstat(fd_.get(), &status) != 0)
    throw EnvironmentError(path_.string() + ": cannot be opened: " + errno_text(errno));
  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  const std::string header = file_header(source);
  std::string found(header.size(), '\0');
  found.resize(read_at(fd_.get(), std::as_writable_bytes(std::span(found)), 0, path_.string()));
  if (found == header) {
    end_ = header.size();
    std::string payload;
    while (read_block(fd_.get(), path_.string(), file_bytes, end_, next_, payload)) {
      end_ += kBlockHeaderBytes + payload.size();
      ++next_;
    }
  }
  dropped_ = file_bytes - end_;
  if (dropped_ > 0 && ::ftruncate(fd_.get(), static_cast<off_t>(end_)) != 0) {
    throw EnvironmentError(path_.string() + ": cannot be cut to its intact part: " + errno_text(errno));
  }
  if (end_ == 0) {
    write_all_at(fd_.get(), header, 0, path_.string());
    end_ = header.size();
  }
}

void BlockFile::append(std::string_view payload) {
  write_all_at(fd_.get(), block_header(next_, payload), end_, path_.string());
  write_all_at(fd_.get(), payload, end_ + kBlockHeaderBytes, path_.string());
  if (const auto now = std::chrono::steady_clock::now(); sync_ == Sync::kept && now - synced_ >= kSyncEvery) {
    sync_data(fd_.get(), path_.string());
    synced_ = now;
  }
  end_ += kBlockHeaderBytes + payload.size();
  ++next_;
}

void BlockFile::for_each(const std::function<void(std::uint64_t, std::string_view)>& visit) const {
  std::string payload;
  std::uint64_t offset = kFileHeaderBytes;
  for (std::uint64_t number = 0; number < next_; ++number) {
    if (!read_block(fd_.get(), path_.string(), end_, offset, number, payload)) {
      throw DataError(path_.string() + ": block " + std::to_string(number) +
                      " was damaged while the file was open; run the same command again");
    }
    visit(number, payload);
    offset += kBlockHeaderBytes + payload.size();
  }
}

std::uint64_t read_blocks(const fs::path& path, const std::string& source,
                          const std::function<void(std::uint64_t, std::string_view)>& visit) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    throw DataError(path.string() + ": cannot be opened: " + errno_text(errno));
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // doubles the kernel's read-ahead; a refusal costs nothing
  const std::string header = file_header(source);
  std::string payload(header.size(), '\0');
  read_at(fd.get(), std::as_writable_bytes(std::span(payload)), 0, path.string());
  if (payload != header) return 0;
  std::uint64_t number = 0, offset = kFileHeaderBytes;
  while (read_block(fd.get(), path.string(), static_cast<std::uint64_t>(status.st_size), offset, number, payload)) {
    visit(number++, payload);
    offset += kBlockHeaderBytes + payload.size();
  }
  return number;
}

void BlockFile::remove() {
  fd_ = FileDescriptor();
  if (::unlink(path_.c_str()) != 0)
    throw EnvironmentError(path_.string() + ": cannot be deleted: " + errno_text(errno));
}

}  // namespace equal::store
