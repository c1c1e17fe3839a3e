// Reading and writing zstd. A build without the library (EQUAL_ZSTD=OFF) refuses both with a UsageError. Internal to
// store/.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "byte_source.hpp"

namespace equal::store {

/// The decompressed bytes of a file of one or more frames.
std::unique_ptr<ByteSource> open_zstd_source(const std::filesystem::path& path);

/// Packs bytes into one frame with a checksum.
class ZstdPacker {
 public:
  virtual ~ZstdPacker() = default;
  /// Hands what is packed so far to `put`; `last` ends the frame.
  virtual void pack(std::string_view bytes, bool last, const std::function<void(std::string_view)>& put) = 0;
};

std::unique_ptr<ZstdPacker> make_zstd_packer();

}  // namespace equal::store
