#include "centroids.hpp"

#include <cmath>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"

namespace equal::cluster {

void Centroids::set(std::size_t j, std::span<const float> value) {
  std::copy(value.begin(), value.end(), values.row(j).begin());
  norm2[j] = exact_norm2(values.row(j).data(), value.size());
}

Centroids to_grid(const linalg::Matrix<double>& centroids) {
  Centroids out(centroids.rows(), centroids.columns());
  std::vector<float> row(centroids.columns());
  for (std::size_t j = 0; j < centroids.rows(); ++j) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const double value = centroids(j, i);
      if (!(std::abs(value) <= 1.0)) {
        throw UsageError(
            format("centroid {} has component {} = {}; k-means works on vectors within [-1, 1]", j, i, value));
      }
      row[i] = static_cast<float>(std::nearbyint(value / kGrid) * kGrid);
    }
    out.set(j, row);
    if (!(out.norm2[j] <= 2.0)) {
      throw UsageError(format("centroid {} has |c|^2 = {}; k-means works on vectors of length 1", j, out.norm2[j]));
    }
  }
  return out;
}

linalg::Matrix<double> to_double(const Centroids& centroids) {
  linalg::Matrix<double> out(centroids.k(), centroids.dim());
  std::copy(centroids.values.values().begin(), centroids.values.values().end(), out.values().begin());
  return out;
}

ClusterSums::ClusterSums(std::size_t k, std::size_t dim)
    : dim_(dim), sums_(k * dim), counts_(k), changes_(k * dim), count_changes_(k), touched_(k) {}

void ClusterSums::change(std::uint32_t cluster, const float16* row, std::int64_t sign) {
  std::atomic_flag& lock = locks_[cluster % locks_.size()];
  while (lock.test_and_set(std::memory_order_acquire)) {
  }
  add_row(row, sign, changes_.data() + cluster * dim_, dim_);
  count_changes_[cluster] += sign;
  touched_[cluster] = 1;
  lock.clear(std::memory_order_release);
}

void ClusterSums::reduce(comm::Communicator& comm) {
  comm.sum(std::span(touched_));
  std::vector<std::int64_t> packed;  // only what changed anywhere travels: little, near the end of a fit
  for (std::size_t j = 0; j < touched_.size(); ++j) {
    if (touched_[j] == 0) continue;
    packed.push_back(count_changes_[j]);
    const auto* row = changes_.data() + j * dim_;
    packed.insert(packed.end(), row, row + dim_);
  }
  comm.sum(std::span(packed));
  const std::int64_t* at = packed.data();
  for (std::size_t j = 0; j < touched_.size(); ++j) {
    if (touched_[j] == 0) continue;
    counts_[j] += *at++;
    for (std::size_t i = 0; i < dim_; ++i) sums_[j * dim_ + i] += *at++;
    std::fill_n(changes_.begin() + static_cast<std::ptrdiff_t>(j * dim_), dim_, 0);
    count_changes_[j] = 0;
    touched_[j] = 0;
  }
}

void ClusterSums::mean(std::size_t j, std::span<float> out) const {
  const auto s = sum(j);
  for (std::size_t i = 0; i < dim_; ++i) out[i] = static_cast<float>(rounded_mean(s[i], counts_[j])) * 0x1p-24F;
}

int128 ClusterSums::objective(const Centroids& centroids, int128 norms) const {
  int128 total = norms;
  for (std::size_t j = 0; j < counts_.size(); ++j) {
    if (counts_[j] == 0) continue;
    const auto s = sum(j);
    const auto c = centroids.values.row(j);
    int128 dot = 0;
    for (std::size_t i = 0; i < dim_; ++i) dot += static_cast<int128>(static_cast<std::int64_t>(c[i] * 0x1p24F)) * s[i];
    total += static_cast<int128>(static_cast<std::int64_t>(centroids.norm2[j] * 0x1p48)) * counts_[j] - 2 * dot;
  }
  return total;
}

}  // namespace equal::cluster
