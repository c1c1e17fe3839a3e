// Unit vectors of a partition's documents as IEEE half precision: embeddings/part-00000.h5, format
// "equal-embeddings" 1. The same format holds the second copy, rows ordered by cluster, so that an arm is one range.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "equal/store/assignment.hpp"
#include "equal/store/header.hpp"

namespace equal::store {

using half_bits = std::uint16_t;  ///< linalg::float16: the bits of an IEEE binary16

enum class RowOrder { corpus, cluster };

/// Streams rows to the file. Memory: nothing beyond the caller's block.
class EmbeddingsWriter {
 public:
  EmbeddingsWriter(std::filesystem::path path, std::uint64_t rows, std::uint64_t dim,
                   RowOrder order = RowOrder::corpus);
  ~EmbeddingsWriter();
  EmbeddingsWriter(EmbeddingsWriter&&) noexcept;

  /// The next rows, row-major. REQUIRES: a whole number of rows, no more in total than announced.
  void append(std::span<const half_bits> values);
  /// REQUIRES: all rows were appended. Publishes; returns the content digest.
  std::string finish(const MadeFrom& made_from);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Thread-safe.
class EmbeddingsReader {
 public:
  explicit EmbeddingsReader(std::filesystem::path path, Verify verify = Verify::header);
  ~EmbeddingsReader();
  EmbeddingsReader(EmbeddingsReader&&) noexcept;

  const FileHeader& header() const noexcept;
  const std::filesystem::path& path() const noexcept;
  std::uint64_t count() const noexcept;
  std::uint64_t dim() const noexcept;
  RowOrder order() const noexcept;

  /// Rows [first, first + out.size() / dim) into out, row-major. REQUIRES: they exist; out holds whole rows.
  void read(std::uint64_t first, std::span<half_bits> out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes the rows of `embeddings` in the order of `assignment` to `path`; returns the content digest. Memory: at most
/// `memory_bytes` (reads the source once per that much of the result).
std::string write_cluster_ordered(const EmbeddingsReader& embeddings, const Assignment& assignment,
                                  const FileHeader& assignment_header, const std::filesystem::path& path,
                                  std::uint64_t memory_bytes = std::uint64_t{256} << 20);

}  // namespace equal::store
