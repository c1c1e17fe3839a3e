#include "zstd_stream.hpp"

#include <string>

#include <zstd.h>

#include "equal/store/libraries.hpp"

#include "compressed_input.hpp"

namespace equal::store {
namespace {

constexpr int kLevel = 3;
constexpr std::size_t kPackedBytes = 1 << 20;

class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(const std::filesystem::path& path) : input_(path), context_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    if (!context_) throw EnvironmentError("zstd cannot be started: out of memory?");
    // Windows up to 2 GiB, as `zstd --long=31` writes them; the library allocates what a frame asks for.
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, 31);
  }
  std::size_t read(std::span<char> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size) {
      // A frame may have ended its input but still hold output, so the end of the file alone says nothing.
      const bool at_end = input_.empty() && !input_.refill();
      ZSTD_inBuffer from{input_.data(), input_.size(), 0};
      const std::size_t before = to.pos;
      const std::size_t status = ZSTD_decompressStream(context_.get(), &to, &from);
      if (ZSTD_isError(status) != 0)
        input_.fail(std::string("the zstd stream is broken (") + ZSTD_getErrorName(status) + ")");
      input_.consume(from.pos);
      const bool progressed = from.pos > 0 || to.pos > before;
      if (progressed) inside_ = status != 0;
      if (at_end && !progressed) {
        if (inside_) input_.fail("the zstd stream ends too early");
        break;
      }
    }
    return to.pos;
  }

 private:
  CompressedInput input_;
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context_;
  bool inside_ = false;
};

class Packer : public ZstdPacker {
 public:
  Packer() : context_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {
    if (!context_) throw EnvironmentError("zstd cannot be started: out of memory?");
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
    packed_.resize(kPackedBytes);
  }
  void pack(std::string_view bytes, bool last, const std::function<void(std::string_view)>& put) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t left = 0;
    do {
      ZSTD_outBuffer out{packed_.data(), packed_.size(), 0};
      left = ZSTD_compressStream2(context_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0) throw InternalError(std::string("zstd: ") + ZSTD_getErrorName(left));
      put(std::string_view(packed_).substr(0, out.pos));
    } while (in.pos < in.size || (last && left > 0));
  }

 private:
  std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context_;
  std::string packed_;
};

}  // namespace

std::unique_ptr<ByteSource> open_zstd_source(const std::filesystem::path& path) {
  return std::make_unique<ZstdSource>(path);
}

std::unique_ptr<ZstdPacker> make_zstd_packer() { return std::make_unique<Packer>(); }

std::string zstd_version() { return ZSTD_versionString(); }

}  // namespace equal::store
