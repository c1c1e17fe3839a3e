// Centroids on the 2^-24 grid, and the integer sums they come from.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "equal/comm/communicator.hpp"
#include "equal/linalg/matrix.hpp"

#include "exact.hpp"

namespace equal::cluster {

struct Centroids {
  linalg::Matrix<float> values;  ///< (k, dim), multiples of 2^-24 in [-1, 1]: exact as float
  std::vector<double> norm2;     ///< (k), exact

  Centroids() = default;
  Centroids(std::size_t k, std::size_t dim) : values(k, dim), norm2(k) {}
  std::size_t k() const noexcept { return values.rows(); }
  std::size_t dim() const noexcept { return values.columns(); }
  void set(std::size_t j, std::span<const float> value);  ///< one centroid and its norm
};

/// Rounds to the grid. Throws UsageError when a value is not within [-1, 1] or |c|^2 > 2.
Centroids to_grid(const linalg::Matrix<double>& centroids);
linalg::Matrix<double> to_double(const Centroids& centroids);

/// Sums of member rows in units of 2^-24. Local changes are gathered first, then added over all ranks.
class ClusterSums {
 public:
  ClusterSums(std::size_t k, std::size_t dim);
  /// Local; any thread. The row joins (sign 1) or leaves (sign -1) `cluster`.
  void change(std::uint32_t cluster, const float16* row, std::int64_t sign);
  /// Collective. Adds every rank's changes since the last call; afterwards equal on all ranks.
  void reduce(comm::Communicator& comm);
  std::int64_t count(std::size_t j) const { return counts_[j]; }
  std::span<const std::int64_t> sum(std::size_t j) const { return {sums_.data() + j * dim_, dim_}; }
  /// The mean of cluster j on the grid. REQUIRES: count(j) > 0; out.size() == dim.
  void mean(std::size_t j, std::span<float> out) const;
  /// Sum |x - c|^2 over all members of all clusters, in units of 2^-48, given the sum of |x|^2 in the same units.
  int128 objective(const Centroids& centroids, int128 norms) const;

 private:
  std::size_t dim_;
  std::vector<std::int64_t> sums_, counts_;            // over all ranks, as of the last reduce()
  std::vector<std::int64_t> changes_, count_changes_;  // of this rank, since then
  std::vector<std::uint64_t> touched_;
  std::array<std::atomic_flag, 64> locks_;  // cluster j is guarded by lock j mod 64
};

}  // namespace equal::cluster
