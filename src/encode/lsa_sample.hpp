// Which documents a fit looks at: those of lowest keyed hash, found without moving hashes between ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "equal/base/thread_pool.hpp"
#include "equal/comm/communicator.hpp"
#include "equal/encode/lsa.hpp"
#include "equal/encode/static_table.hpp"

#include "lsa_rows.hpp"

namespace equal::encode {

/// Keeps the `count` lowest of all values offered, in memory for 2 x count.
class LowestValues {
 public:
  explicit LowestValues(std::size_t count) : count_(count) {}
  void offer(std::uint64_t value);
  std::uint64_t offered() const noexcept { return offered_; }
  /// At most `count`, in no order.
  std::vector<std::uint64_t> take();

 private:
  void shrink();
  std::size_t count_;
  std::uint64_t offered_ = 0, bound_ = ~std::uint64_t{0};
  std::vector<std::uint64_t> values_;
};

/// Collective. The value T of rank `count` (0-based) in the union of all ranks' values: exactly `count` of them are
/// below T, fewer where values repeat. REQUIRES: the union has more than `count` values, and each rank passes at least
/// its count + 1 lowest. Cost: four sums of 512 KiB.
std::uint64_t nth_value(comm::Communicator& comm, const std::vector<std::uint64_t>& values, std::uint64_t count);

/// Collective. The documents of lowest keyed hash over all ranks, at most `fit_sample`: this rank's among them as
/// counts of features. Reads the digests twice and the texts once.
SparseRows read_sample(comm::Communicator& comm, TextSource& source, const FeatureSource& features,
                       std::uint64_t fit_sample, std::uint64_t seed, ThreadPool& pool);

/// Collective. In how many sampled documents each feature occurs. REQUIRES: features below `count`.
std::vector<std::uint64_t> document_frequencies(comm::Communicator& comm, const SparseRows& rows, std::size_t count);

/// ln(1 + (n - df + 1/2) / (df + 1/2)): the idf of BM25, positive for df <= n.
double inverse_frequency(std::uint64_t df, std::uint64_t n) noexcept;

}  // namespace equal::encode
