// Bytes of an input file from some place on, decompressed. Internal to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "equal/store/text_writer.hpp"  // Compression

namespace equal::store {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills as much of `out` as there is; fewer than asked only at the end. Throws DataError naming the file.
  virtual std::size_t read(std::span<char> out) = 0;
};

/// Told by the first bytes. Throws DataError when the file cannot be read.
Compression detect_compression(const std::filesystem::path& path);

/// The decompressed bytes of `path`; of a plain file, from byte `begin` on. Compressed files are decompressed on a
/// thread of their own, a few MiB ahead.
std::unique_ptr<ByteSource> open_source(const std::filesystem::path& path, std::uint64_t begin = 0);

/// The same without a thread, for small files.
std::unique_ptr<ByteSource> open_small_source(const std::filesystem::path& path);

}  // namespace equal::store
