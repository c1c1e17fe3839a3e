#include "equal/base/error.hpp"
#include "equal/store/libraries.hpp"

#include "zstd_stream.hpp"

namespace equal::store {

std::unique_ptr<ByteSource> open_zstd_source(const std::filesystem::path& path) {
  throw UsageError(
      path.string() +
      ": is compressed by zstd, which this build cannot read: decompress it (zstd -d), or build with libzstd-dev");
}

std::unique_ptr<ZstdPacker> make_zstd_packer() {
  throw UsageError("this build cannot write .zst: choose --export.files jsonl.gz, or build with libzstd-dev");
}

std::string zstd_version() { return {}; }

}  // namespace equal::store
