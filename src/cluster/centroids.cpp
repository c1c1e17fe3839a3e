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
  linalg::Matrix<double> out;
  to_double(centroids, out);
  return out;
}

void to_double(const Centroids& centroids, linalg::Matrix<double>& out) {
  if (out.rows() != centroids.k() || out.columns() != centroids.dim()) out = {centroids.k(), centroids.dim()};
  std::copy(centroids.values.values().begin(), centroids.values.values().end(), out.values().begin());
}

ClusterChanges::ClusterChanges(std::size_t k, std::size_t dim) : dim_(dim), sums_(k * dim), counts_(k), touched_(k) {}

void ClusterChanges::add(std::uint32_t cluster, const float16* row, std::int64_t sign) {
  add_row(row, sign, sums_.data() + cluster * dim_, dim_);
  counts_[cluster] += sign;
  touched_[cluster] = 1;
}

void ClusterChanges::add_over_ranks(comm::Communicator& comm) {
  comm.sum(std::span(counts_));
  comm.sum(std::span(sums_));
}

void ClusterChanges::clear(std::size_t j) {
  std::fill_n(sums_.begin() + static_cast<std::ptrdiff_t>(j * dim_), dim_, 0);
  counts_[j] = 0;
  touched_[j] = 0;
}

int128 objective_without_norms(std::span<const float> centroid, double norm2, std::span<const std::int64_t> sum,
                               std::int64_t count) {
  int128 dot = 0;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    dot += static_cast<int128>(static_cast<std::int64_t>(centroid[i] * 0x1p24F)) * sum[i];
  }
  return static_cast<int128>(static_cast<std::int64_t>(norm2 * 0x1p48)) * count - 2 * dot;
}

}  // namespace equal::cluster
