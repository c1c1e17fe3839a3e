// Lines to a file that appears whole or not at all, plain or compressed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace equal::store {

enum class Compression { none, gzip, zstd };

class TextWriter {
 public:
  /// Creates the temporary name of `path`. Throws EnvironmentError. Memory: a few MiB.
  TextWriter(std::filesystem::path path, Compression compression);
  ~TextWriter();  ///< without finish() nothing appears
  TextWriter(TextWriter&&) noexcept;
  TextWriter& operator=(TextWriter&&) noexcept;

  /// The text and a line break. Equal lines give equal files, with one version of the compression library.
  void line(std::string_view text);
  std::uint64_t bytes() const noexcept;  ///< before compression
  /// Flushes, syncs, publishes.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace equal::store
