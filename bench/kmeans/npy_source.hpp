// Embeddings of a NumPy file (float16, row-major, version 1), a range of rows per rank.
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
  /// Part `index` of `parts` equal ranges; parts == 0: no rows.
  NpySource(const std::string& path, std::uint64_t limit, int index, int parts) : file_(path, "<f2") {
    const std::uint64_t n = limit == 0 ? file_.rows : std::min(limit, file_.rows),
                        p = static_cast<std::uint64_t>(parts);
    if (parts > 0)
      first_ = n * static_cast<std::uint64_t>(index) / p, last_ = n * static_cast<std::uint64_t>(index + 1) / p;
  }
  std::size_t dim() const override { return file_.dim; }
  std::uint64_t rows() const override { return last_ - first_; }
  void read(std::uint64_t first, std::size_t count, std::span<linalg::float16> out) override {
    file_.read((first_ + first) * file_.dim * 2, std::as_writable_bytes(out.first(count * file_.dim)));
  }
  void digests(std::uint64_t first, std::size_t count, std::span<Digest128> out) override {
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t number = first_ + first + i;
      out[i] = digest128({reinterpret_cast<const char*>(&number), sizeof number});
    }
  }

 private:
  NpyFile file_;
  std::uint64_t first_ = 0, last_ = 0;
};

}  // namespace equal::bench
