// The rows of this rank that take part in a fit: all of them or a sample, held in memory or streamed with read-ahead.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "equal/cluster/kmeans.hpp"
#include "equal/comm/communicator.hpp"

#include "exact.hpp"

namespace equal::cluster {

class FitRows {
 public:
  /// `selected`: ascending source rows, or nothing for all. `cached`: read once, here, and keep. Throws DataError
  /// naming an invalid row (when streaming: in the first for_each_block). Local.
  FitRows(EmbeddingSource& source, std::optional<std::vector<std::uint64_t>> selected, bool cached,
          std::size_t block_rows);

  std::uint64_t size() const noexcept { return size_; }
  std::size_t dim() const noexcept { return dim_; }
  std::uint64_t source_row(std::uint64_t i) const { return selected_ ? (*selected_)[i] : i; }

  /// f(first, rows (count, dim)) for all rows in ascending order: everything at once when cached, else block by block
  /// while the next block is read by another thread. Local.
  using Visit = std::function<void(std::uint64_t first, std::size_t count, const float16* rows)>;
  void for_each_block(const Visit& visit);

  /// Row i. Local.
  void read_row(std::uint64_t i, std::span<float16> out);
  /// keyed_hash(seed, purpose, digest) of every row. Local.
  std::vector<std::uint64_t> hashes(std::uint64_t seed, std::string_view purpose);

 private:
  struct Block {
    std::uint64_t first = 0;
    std::size_t count = 0;
    std::vector<float16> rows;
  };
  void stream(const Visit& visit);
  void load(std::uint64_t source_first, Block& block);

  EmbeddingSource& source_;
  std::optional<std::vector<std::uint64_t>> selected_;
  std::size_t dim_, block_rows_;
  std::uint64_t size_;
  bool cached_, checked_ = false;
  std::vector<float16> cache_;
};

/// How many rows a fit asks for: fit_sample, or 256 a cluster.
inline std::uint64_t fit_rows_wanted(const KMeansParams& params) noexcept {
  return params.fit_sample == 0 ? 256 * std::uint64_t{params.k} : params.fit_sample;
}

/// Collective. The rows of this rank among the `wanted` of lowest hash over all ranks; nothing when that is all of
/// `total`.
std::optional<std::vector<std::uint64_t>> select_rows(comm::Communicator& comm, EmbeddingSource& source,
                                                      std::uint64_t seed, std::uint64_t wanted, std::uint64_t total);

/// keyed_hash of all rows of a source. Local.
std::vector<std::uint64_t> hashes_of(EmbeddingSource& source, std::uint64_t seed, std::string_view purpose);

/// Collective. The smallest t such that at least `count` hashes over all ranks are <= t; the largest value when there
/// are not that many. Costs four sums of 2^16 counters.
std::uint64_t smallest_hashes(comm::Communicator& comm, std::span<const std::uint64_t> hashes, std::uint64_t count);

}  // namespace equal::cluster
