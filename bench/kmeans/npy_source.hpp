// Embeddings of a NumPy file (float16, row-major, version 1), dealt out to the ranks in blocks.
#pragma once

#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/cluster/embedding_source.hpp"

namespace equal::bench {

struct NpyFile {
  FileDescriptor file;
  std::uint64_t rows = 0, offset = 0;
  std::size_t dim = 0;

  NpyFile(const std::string& path, const char* type) : file(::open(path.c_str(), O_RDONLY)) {
    char head[256] = {};
    if (!file || ::pread(file.get(), head, sizeof head - 1, 0) < 10 || std::memcmp(head, "\x93NUMPY\x01", 7) != 0) {
      throw DataError(path + " is not a NumPy file of version 1");
    }
    const std::string text(head + 10);
    const auto shape = text.find("'shape': (");
    unsigned long long n = 0, d = 0;
    if (text.find(type) == std::string::npos || text.find("'fortran_order': False") == std::string::npos ||
        shape == std::string::npos || std::sscanf(text.c_str() + shape, "'shape': (%llu, %llu)", &n, &d) != 2) {
      throw DataError(path + " does not hold a row-major matrix of type " + type);
    }
    rows = n;
    dim = d;
    offset = 10 + static_cast<unsigned char>(head[8]) + 256ULL * static_cast<unsigned char>(head[9]);
  }

  void read(std::uint64_t first_byte, std::span<std::byte> out) const {
    for (std::size_t done = 0; done < out.size();) {
      const auto n =
          ::pread(file.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + first_byte + done));
      if (n <= 0) throw DataError("a NumPy file ends too early");
      done += static_cast<std::size_t>(n);
    }
  }
};

class NpySource final : public cluster::EmbeddingSource {
 public:
  /// Blocks `index`, index + parts, ... of the file, as the partitions of a job are dealt out; parts == 0: no rows.
  NpySource(const std::string& path, std::uint64_t limit, int index, int parts)
      : file_(path, "<f2"), index_(static_cast<std::uint64_t>(index)), parts_(static_cast<std::uint64_t>(parts)) {
    const std::uint64_t n = limit == 0 ? file_.rows : std::min(limit, file_.rows);
    for (std::uint64_t at = index_ * kBlock; parts > 0 && at < n; at += parts_ * kBlock)
      rows_ += std::min(kBlock, n - at);
  }
  std::size_t dim() const override { return file_.dim; }
  std::uint64_t rows() const override { return rows_; }
  void read(std::uint64_t first, std::size_t count, std::span<linalg::float16> out) override {
    for (std::size_t done = 0; done < count;) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(count - done, kBlock - (first + done) % kBlock));
      file_.read(number(first + done, index_, parts_) * file_.dim * 2,
                 std::as_writable_bytes(out.subspan(done * file_.dim, n * file_.dim)));
      done += n;
    }
  }
  void digests(std::uint64_t first, std::size_t count, std::span<Digest128> out) override {
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t n = number(first + i, index_, parts_);
      out[i] = digest128({reinterpret_cast<const char*>(&n), sizeof n});
    }
  }
  /// The place in the file of a row of part `index` of `parts`.
  static std::uint64_t number(std::uint64_t row, std::uint64_t index, std::uint64_t parts) {
    return (row / kBlock * parts + index) * kBlock + row % kBlock;
  }

 private:
  static constexpr std::uint64_t kBlock = 2048;
  NpyFile file_;
  std::uint64_t index_, parts_, rows_ = 0;
};

}  // namespace equal::bench
