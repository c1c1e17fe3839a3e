// Centroids on the 2^-24 grid, and integer sums of rows.
#pragma once

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
void to_double(const Centroids& centroids, linalg::Matrix<double>& out);  ///< the same, into memory that is there

/// Sums of the rows that joined or left clusters on this rank, in units of 2^-24.
class ClusterChanges {
 public:
  ClusterChanges(std::size_t k, std::size_t dim);
  /// The row joins (sign 1) or leaves (sign -1) `cluster`. Any thread, but one for each cluster at a time.
  void add(std::uint32_t cluster, const float16* row, std::int64_t sign);
  /// Collective. Adds every rank's changes: equal on all ranks.
  void add_over_ranks(comm::Communicator& comm);
  /// Adds `n` to a count, and whatever the caller adds to sum(j).
  void add_count(std::size_t j, std::int64_t n) {
    counts_[j] += n;
    touched_[j] = 1;
  }
  std::span<std::int64_t> sum(std::size_t j) { return {sums_.data() + j * dim_, dim_}; }
  std::span<const std::int64_t> sum(std::size_t j) const { return {sums_.data() + j * dim_, dim_}; }
  std::int64_t count(std::size_t j) const { return counts_[j]; }
  bool touched(std::size_t j) const { return touched_[j] != 0; }
  void clear(std::size_t j);

 private:
  std::size_t dim_;
  std::vector<std::int64_t> sums_, counts_;
  std::vector<char> touched_;
};

/// Sum |x - c|^2 over `count` rows without their |x|^2, given their sum in units of 2^-24: count |c|^2 - 2 c.sum,
/// exact, in units of 2^-48.
int128 objective_without_norms(std::span<const float> centroid, double norm2, std::span<const std::int64_t> sum,
                               std::int64_t count);

}  // namespace equal::cluster
