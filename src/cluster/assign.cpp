#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <mutex>

#include "equal/base/error.hpp"
#include "equal/cluster/kmeans.hpp"

#include "assign_with.hpp"
#include "fit_rows.hpp"
#include "nearest.hpp"

namespace equal::cluster {
namespace {

/// What is gathered of the members of each cluster.
class Members {
 public:
  Members(std::size_t k, std::size_t dim) : dim_(dim), sums_(k, dim), farthest_(k), squares_(k * dim) {}

  void add(std::uint32_t cluster, const float16* row, const float* x, double squared_distance) {
    const std::lock_guard lock(locks_[cluster % locks_.size()]);
    sums_.add(cluster, row, 1);
    // Bits of doubles that are not negative order as the doubles do.
    farthest_[cluster] = std::max(farthest_[cluster], std::bit_cast<std::uint64_t>(squared_distance));
    std::int64_t* squares = squares_.data() + cluster * dim_;
    // A unit of 2^-30 up or down is of no account, and lround() is a call a coordinate.
    // NOLINTNEXTLINE(bugprone-incorrect-roundings)
    for (std::size_t i = 0; i < dim_; ++i) squares[i] += static_cast<std::int64_t>(x[i] * x[i] * 0x1p30F + 0.5F);
  }

  void add_over_ranks(comm::Communicator& comm) {
    sums_.add_over_ranks(comm);
    comm.max(std::span(farthest_));
    comm.sum(std::span(squares_));
  }
  const ClusterChanges& sums() const noexcept { return sums_; }
  double radius(std::size_t j) const { return std::sqrt(std::bit_cast<double>(farthest_[j])); }
  double mean_square(std::size_t j, std::size_t i, std::int64_t count) const {
    return static_cast<double>(squares_[j * dim_ + i]) * kPotentialUnit / static_cast<double>(count);
  }

 private:
  std::size_t dim_;
  ClusterChanges sums_;
  std::vector<std::uint64_t> farthest_;
  std::vector<std::int64_t> squares_;  // units of 2^-30
  std::array<std::mutex, 64> locks_;
};

}  // namespace

Assignment assign_with(comm::Communicator& comm, EmbeddingSource& source, const Centroids& centroids,
                       std::size_t block_rows, ThreadPool& pool, const Finder& find) {
  const std::size_t k = centroids.k(), dim = source.dim();
  Assignment out;
  out.cluster.resize(source.rows());
  out.squared_distance.resize(source.rows());
  Members members(k, dim);
  std::int64_t norm_high = 0, norm_low = 0;
  comm::agree(comm, [&] {
    if (source.rows() == 0) return;
    if (k == 0) throw UsageError("rows cannot be assigned to no centroids");
    FitRows rows(source, std::nullopt, false, block_rows);
    std::mutex mutex;
    rows.for_each_block([&](std::uint64_t first, std::size_t count, const float16* block) {
      constexpr std::size_t kTask = 1024;
      pool.run((count + kTask - 1) / kTask, [&](std::size_t task, std::size_t thread) {
        const std::size_t from = task * kTask, n = std::min(kTask, count - from);
        std::vector<double> distance(n);
        std::vector<float> x(dim);
        std::uint32_t* cluster = out.cluster.data() + first + from;
        find(block + from * dim, n, cluster, distance.data(), thread);
        std::int64_t high = 0, low = 0;
        for (std::size_t i = 0; i < n; ++i) {
          const float16* row = block + (from + i) * dim;
          linalg::to_float32({row, dim}, x);
          out.squared_distance[first + from + i] = static_cast<float>(distance[i]);
          members.add(cluster[i], row, x.data(), distance[i]);
          const auto norm = static_cast<std::int64_t>(exact_norm2(x.data(), dim) * 0x1p48);
          high += norm >> 24;
          low += norm & 0xffffff;
        }
        const std::lock_guard lock(mutex);
        norm_high += high;
        norm_low += low;
      });
    });
  });
  members.add_over_ranks(comm);
  std::int64_t norms[2] = {norm_high, norm_low};
  comm.sum(std::span<std::int64_t>(norms));

  ClusterStats& stats = out.stats;
  stats.sizes.resize(k);
  stats.radius.resize(k);
  stats.mean = to_double(centroids);
  stats.variance = linalg::Matrix<double>(k, dim);
  int128 objective = (static_cast<int128>(norms[0]) << 24) + norms[1];
  for (std::size_t j = 0; j < k; ++j) {
    const ClusterChanges& sums = members.sums();
    const std::int64_t count = sums.count(j);
    stats.sizes[j] = static_cast<std::uint64_t>(count);
    if (count == 0) continue;
    objective += objective_without_norms(centroids.values.row(j), centroids.norm2[j], sums.sum(j), count);
    stats.radius[j] = members.radius(j);
    for (std::size_t i = 0; i < dim; ++i) {
      const double mean = static_cast<double>(sums.sum(j)[i]) * kGrid / static_cast<double>(count);
      stats.mean(j, i) = mean;
      stats.variance(j, i) = std::max(0.0, members.mean_square(j, i, count) - mean * mean);
    }
  }
  stats.objective = static_cast<double>(objective) * 0x1p-48;
  return out;
}

Assignment assign(comm::Communicator& comm, EmbeddingSource& source, const linalg::Matrix<double>& values,
                  const KMeansParams& params, ThreadPool& pool) {
  const Centroids centroids = to_grid(values);
  Nearest nearest(params.kernel, source.dim(), pool.size());
  if (centroids.k() > 0) nearest.set(centroids, true, pool);
  return assign_with(comm, source, centroids, params.block_rows, pool,
                     [&](const float16* rows, std::size_t count, std::uint32_t* cluster, double* distance,
                         std::size_t thread) { nearest.find(rows, count, Known::nothing, cluster, distance, thread); });
}

}  // namespace equal::cluster
