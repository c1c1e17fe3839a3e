#include "equal/store/text_writer.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <fcntl.h>
#include <zlib.h>
#include <zstd.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"

namespace equal::store {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kBuffer = 1 << 20;
constexpr int kGzipLevel = 6, kZstdLevel = 3;

struct FreeZstd {
  void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
};

}  // namespace

const char* extension_of(Compression compression) noexcept {
  return compression == Compression::gzip ? ".gz" : compression == Compression::zstd ? ".zst" : "";
}

struct TextWriter::Impl {
  fs::path path;
  Compression compression;
  FileDescriptor fd;
  std::string buffer, packed;
  std::uint64_t bytes = 0;
  z_stream gzip{};
  std::unique_ptr<ZSTD_CCtx, FreeZstd> zstd;

  Impl(fs::path p, Compression c)
      : path(std::move(p)),
        compression(c),
        fd(::open(temporary_name(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (!fd) throw EnvironmentError(temporary_name(path).string() + ": cannot be created: " + errno_text(errno));
    packed.resize(kBuffer);
    if (compression == Compression::gzip) {
      // 16: with gzip's header, which zlib writes without name and time
      if (::deflateInit2(&gzip, kGzipLevel, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw EnvironmentError("zlib cannot be started: out of memory?");
    } else if (compression == Compression::zstd) {
      zstd.reset(ZSTD_createCCtx());
      if (!zstd) throw EnvironmentError("zstd cannot be started: out of memory?");
      ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_compressionLevel, kZstdLevel);
      ZSTD_CCtx_setParameter(zstd.get(), ZSTD_c_checksumFlag, 1);
    }
  }
  ~Impl() {
    if (compression == Compression::gzip) ::deflateEnd(&gzip);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void put(std::string_view text) { write_all(fd.get(), text, temporary_name(path).string()); }

  void flush(bool last) {
    if (compression == Compression::none) put(buffer);
    if (compression == Compression::gzip) {
      gzip.next_in = reinterpret_cast<Bytef*>(buffer.data());
      gzip.avail_in = static_cast<uInt>(buffer.size());
      do {
        gzip.next_out = reinterpret_cast<Bytef*>(packed.data());
        gzip.avail_out = static_cast<uInt>(packed.size());
        ::deflate(&gzip, last ? Z_FINISH : Z_NO_FLUSH);
        put(std::string_view(packed).substr(0, packed.size() - gzip.avail_out));
      } while (gzip.avail_out == 0);
    }
    if (compression == Compression::zstd) {
      ZSTD_inBuffer in{buffer.data(), buffer.size(), 0};
      std::size_t left = 0;
      do {
        ZSTD_outBuffer out{packed.data(), packed.size(), 0};
        left = ZSTD_compressStream2(zstd.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left) != 0) throw InternalError(std::string("zstd: ") + ZSTD_getErrorName(left));
        put(std::string_view(packed).substr(0, out.pos));
      } while (in.pos < in.size || (last && left > 0));
    }
    buffer.clear();
  }
};

TextWriter::TextWriter(fs::path path, Compression compression)
    : impl_(std::make_unique<Impl>(std::move(path), compression)) {}
TextWriter::~TextWriter() = default;
TextWriter::TextWriter(TextWriter&&) noexcept = default;
TextWriter& TextWriter::operator=(TextWriter&&) noexcept = default;

std::uint64_t TextWriter::bytes() const noexcept { return impl_->bytes; }

void TextWriter::line(std::string_view text) {
  impl_->buffer += text;
  impl_->buffer += '\n';
  impl_->bytes += text.size() + 1;
  if (impl_->buffer.size() >= kBuffer) impl_->flush(false);
}

void TextWriter::finish() {
  impl_->flush(true);
  impl_->fd = FileDescriptor();
  publish(impl_->path);
}

}  // namespace equal::store
