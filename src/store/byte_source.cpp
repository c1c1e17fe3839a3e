#include "byte_source.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <zlib.h>

#include "equal/base/error.hpp"

#include "compressed_input.hpp"
#include "zstd_stream.hpp"

namespace equal::store {
namespace fs = std::filesystem;

namespace {

/// Members one after another; zero bytes after the last are padding, as gzip has it.
class GzipSource : public ByteSource {
 public:
  explicit GzipSource(const fs::path& path) : input_(path) {
    if (::inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK)
      throw EnvironmentError("zlib cannot be started: out of memory?");
  }
  ~GzipSource() override { ::inflateEnd(&stream_); }

  std::size_t read(std::span<char> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      if (input_.empty() && !input_.refill()) {
        if (inside_) input_.fail("the gzip stream ends too early");
        break;
      }
      if (!inside_ && !start_member()) break;
      const auto room = static_cast<uInt>(std::min<std::size_t>(out.size() - done, 1u << 30));
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
      stream_.avail_in = static_cast<uInt>(input_.size());
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + done);
      stream_.avail_out = room;
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      input_.consume(input_.size() - stream_.avail_in);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        inside_ = false;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        input_.fail(std::string("the gzip stream is broken (") +
                    (stream_.msg == nullptr ? "no further word" : stream_.msg) + ")");
      }
    }
    return done;
  }

 private:
  bool start_member() {
    while (true) {
      while (!input_.empty() && *input_.data() == '\0') input_.consume(1);
      if (!input_.empty()) break;
      if (!input_.refill()) return false;
    }
    ::inflateReset(&stream_);
    inside_ = true;
    return true;
  }
  CompressedInput input_;
  z_stream stream_{};
  bool inside_ = false;
};

/// Reads another source on a thread, at most kBuffers ahead.
class ReadAhead : public ByteSource {
 public:
  explicit ReadAhead(std::unique_ptr<ByteSource> source) : source_(std::move(source)), thread_([this] { produce(); }) {}
  ~ReadAhead() override {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  std::size_t read(std::span<char> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      if (taken_ == current_.size() && !take()) break;
      const std::size_t n = std::min(out.size() - done, current_.size() - taken_);
      std::copy_n(current_.data() + taken_, n, out.data() + done);
      taken_ += n;
      done += n;
    }
    return done;
  }

 private:
  static constexpr std::size_t kBuffers = 6, kBufferBytes = 1 << 20;

  void produce() {
    try {
      while (true) {
        std::vector<char> buffer = spare();
        buffer.resize(kBufferBytes);
        buffer.resize(source_->read(buffer));
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || full_.size() < kBuffers; });
        if (stopping_) return;
        const bool end = buffer.empty();
        if (end) {
          ended_ = true;
        } else {
          full_.push_back(std::move(buffer));
        }
        lock.unlock();
        changed_.notify_all();
        if (end) return;
      }
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      error_ = std::current_exception();
      ended_ = true;
      changed_.notify_all();
    }
  }
  std::vector<char> spare() {
    const std::scoped_lock lock(mutex_);
    if (spare_.empty()) return {};
    std::vector<char> out = std::move(spare_.back());
    spare_.pop_back();
    return out;
  }
  bool take() {
    std::unique_lock lock(mutex_);
    if (!current_.empty()) spare_.push_back(std::move(current_));
    current_.clear();
    taken_ = 0;
    changed_.wait(lock, [this] { return ended_ || !full_.empty(); });
    if (full_.empty()) {
      if (error_) std::rethrow_exception(error_);
      return false;
    }
    current_ = std::move(full_.front());
    full_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return true;
  }

  std::unique_ptr<ByteSource> source_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<char>> full_;
  std::vector<std::vector<char>> spare_;
  std::vector<char> current_;
  std::size_t taken_ = 0;
  std::exception_ptr error_;
  bool ended_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace

Compression detect_compression(const fs::path& path) {
  FileSource file(path, 0);
  std::array<char, 4> start{};
  const std::string_view bytes(start.data(), file.read(start));
  if (bytes.substr(0, 2) == "\x1f\x8b") return Compression::gzip;
  if (bytes == "\x28\xb5\x2f\xfd") return Compression::zstd;
  // A skippable frame (magic 0x184D2A5?) opens the files of some tools, e.g. pzstd.
  if (bytes.size() == 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0) == 0x50 && bytes.substr(1) == "\x2a\x4d\x18")
    return Compression::zstd;
  return Compression::none;
}

std::unique_ptr<ByteSource> open_small_source(const fs::path& path) {
  switch (detect_compression(path)) {
    case Compression::gzip:
      return std::make_unique<GzipSource>(path);
    case Compression::zstd:
      return open_zstd_source(path);
    case Compression::none:
      break;
  }
  return std::make_unique<FileSource>(path, 0);
}

std::unique_ptr<ByteSource> open_source(const fs::path& path, std::uint64_t begin) {
  if (detect_compression(path) == Compression::none) return std::make_unique<FileSource>(path, begin);
  return std::make_unique<ReadAhead>(open_small_source(path));
}

}  // namespace equal::store
