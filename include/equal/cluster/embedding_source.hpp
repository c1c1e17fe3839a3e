// Where k-means reads embeddings from. The job implements this over its HDF5 partitions; no storage library shows here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/linalg/float16.hpp"

namespace equal::cluster {

/// The embeddings that this rank owns, numbered 0 .. rows()-1. Rows must be finite with |x|^2 <= 2 (unit vectors and
/// zero vectors in practice); k-means refuses others with a DataError that names where(row). All functions are Local
/// and called by one thread at a time, not always the same one (blocks are read ahead).
class EmbeddingSource {
 public:
  virtual ~EmbeddingSource() = default;
  virtual std::size_t dim() const = 0;     ///< equal on all ranks, also those without rows
  virtual std::uint64_t rows() const = 0;  ///< of this rank
  /// out (count, dim) = rows first .. first+count-1. REQUIRES: first + count <= rows().
  virtual void read(std::uint64_t first, std::size_t count, std::span<linalg::float16> out) = 0;
  /// Identities of the same rows, distinct over all ranks: every random draw and tie is decided by them.
  virtual void digests(std::uint64_t first, std::size_t count, std::span<Digest128> out) = 0;
  /// Names a row for the user: "embeddings/part-00003.h5, row 17".
  virtual std::string where(std::uint64_t row) const { return "embedding " + std::to_string(row); }
};

/// Embeddings in memory: for tests, benchmarks and small corpora.
class MemorySource final : public EmbeddingSource {
 public:
  /// values (n, dim). Row i is known by the digest of the number first_number + i.
  MemorySource(std::vector<linalg::float16> values, std::size_t dim, std::uint64_t first_number = 0);
  /// values (digests.size(), dim).
  MemorySource(std::vector<linalg::float16> values, std::size_t dim, std::vector<Digest128> digests);
  std::size_t dim() const override { return dim_; }
  std::uint64_t rows() const override { return digests_.size(); }
  void read(std::uint64_t first, std::size_t count, std::span<linalg::float16> out) override;
  void digests(std::uint64_t first, std::size_t count, std::span<Digest128> out) override;

 private:
  std::vector<linalg::float16> values_;
  std::size_t dim_;
  std::vector<Digest128> digests_;
};

}  // namespace equal::cluster
