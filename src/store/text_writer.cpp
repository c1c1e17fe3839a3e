#include "equal/store/text_writer.hpp"

#include <cerrno>
#include <string>
#include <vector>

#include <fcntl.h>
#include <zlib.h>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"

#include "zstd_stream.hpp"

namespace equal::store {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kBuffer = 1 << 20;
constexpr int kGzipLevel = 6;

}  // namespace

struct TextWriter::Impl {
  fs::path path;
  Compression compression;
  FileDescriptor fd;
  std::string buffer, packed;
  std::uint64_t bytes = 0;
  z_stream gzip{};
  std::unique_ptr<ZstdPacker> zstd;

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
      zstd = make_zstd_packer();
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
    if (zstd) zstd->pack(buffer, last, [this](std::string_view part) { put(part); });
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
