#include "equal/cluster/hierarchy.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"

#include "assign_with.hpp"
#include "fit_rows.hpp"
#include "nearest.hpp"

namespace equal::cluster {
namespace {

/// `leaves` in proportion to rows, rounded down but at least one each and at most one a row; what is left goes to the
/// largest.
std::vector<std::uint32_t> share_out(std::span<const std::uint64_t> rows, std::uint32_t leaves) {
  const std::uint64_t total = std::accumulate(rows.begin(), rows.end(), std::uint64_t{0});
  std::vector<std::uint32_t> out(rows.size());
  std::uint64_t used = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto share =
        static_cast<std::uint64_t>(static_cast<int128>(leaves) * rows[i] / std::max<std::uint64_t>(1, total));
    out[i] = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, std::min(share, rows[i])));
    used += out[i];
  }
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rows[a] > rows[b]; });
  for (const std::size_t i : order) {
    if (used >= leaves) break;
    if (out[i] < rows[i]) ++out[i], ++used;
  }
  return out;
}

/// The fitted rows of this rank that belong to clusters first .. last-1, one source each.
std::vector<MemorySource> gather_members(EmbeddingSource& source, FitRows& rows, std::span<const std::uint32_t> cluster,
                                         std::size_t first, std::size_t last) {
  const std::size_t dim = rows.dim();
  std::vector<std::vector<float16>> values(last - first);
  std::vector<std::vector<Digest128>> digests(last - first);
  rows.for_each_block([&](std::uint64_t at, std::size_t count, const float16* block) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t c = cluster[at + i];
      if (c < first || c >= last) continue;
      values[c - first].insert(values[c - first].end(), block + i * dim, block + (i + 1) * dim);
      Digest128 digest;
      source.digests(rows.source_row(at + i), 1, {&digest, 1});
      digests[c - first].push_back(digest);
    }
  });
  std::vector<MemorySource> out;
  for (std::size_t i = 0; i < values.size(); ++i) out.emplace_back(std::move(values[i]), dim, std::move(digests[i]));
  return out;
}

}  // namespace

Hierarchy kmeans_hierarchy(comm::Communicator& comm, EmbeddingSource& source, const KMeansParams& params,
                           std::uint32_t top, ThreadPool& pool, const KMeansCallback& callback) {
  if (top < 1 || top > params.k)
    throw UsageError(format("k-means: top = {} clusters; must be 1 to k = {}", top, params.k));
  KMeansParams level = params;
  level.k = top;
  level.fit_sample = fit_rows_wanted(params);
  level.start = {};
  Hierarchy out;
  KMeansResult first_level = kmeans(comm, source, level, pool, callback);
  out.top = std::move(first_level.centroids);
  out.objective = std::move(first_level.objective);
  out.converged = first_level.converged;
  out.leaves = linalg::Matrix<double>(0, source.dim());
  if (out.top.rows() == 0) return out;

  const std::uint64_t total = comm::sum_one(comm, source.rows());
  FitRows rows(source, select_rows(comm, source, params.seed, level.fit_sample, total), false, params.block_rows);
  std::vector<std::uint32_t> cluster(rows.size());
  std::vector<std::uint64_t> size(top);
  comm::agree(comm, [&] {
    const Centroids centroids = to_grid(out.top);
    Nearest nearest(params.kernel, source.dim(), pool.size());
    nearest.set(centroids, true, pool);
    rows.for_each_block([&](std::uint64_t first, std::size_t count, const float16* block) {
      find_nearest(nearest, block, count, rows.dim(), cluster.data() + first, nullptr, pool);
    });
    for (const std::uint32_t c : cluster) ++size[c];
  });
  std::vector<std::uint64_t> most(size);  // on any one rank: so that all ranks take the same clusters together
  comm.max(std::span(most));
  comm.sum(std::span(size));
  const std::vector<std::uint32_t> share = share_out(size, params.k);
  out.start.assign(1, 0);
  for (const std::uint32_t n : share) out.start.push_back(out.start.back() + n);
  out.leaves = linalg::Matrix<double>(out.start.back(), source.dim());

  for (std::size_t first = 0, last = 0; first < top; first = last) {
    std::uint64_t bytes = 0;
    do bytes += most[last++] * source.dim() * 2;
    while (last < top && bytes + most[last] * source.dim() * 2 <= params.memory_bytes);
    std::vector<MemorySource> members;
    comm::agree(comm, [&] { members = gather_members(source, rows, cluster, first, last); });
    for (std::size_t i = first; i < last; ++i) {
      level.k = share[i];
      level.fit_sample = KMeansParams::kAllRows;
      level.seed = mix64(params.seed + i);
      const auto leaves =
          size[i] == 0 ? linalg::Matrix<double>() : kmeans(comm, members[i - first], level, pool, callback).centroids;
      for (std::size_t leaf = 0; leaf < share[i]; ++leaf) {  // an empty cluster keeps its centroid as its only leaf
        const std::span<const double> from = size[i] == 0 ? out.top.row(i) : leaves.row(leaf);
        std::copy(from.begin(), from.end(), out.leaves.row(out.start[i] + leaf).begin());
      }
    }
  }
  return out;
}

Assignment assign_hierarchy(comm::Communicator& comm, EmbeddingSource& source, const Hierarchy& hierarchy,
                            const KMeansParams& params, ThreadPool& pool) {
  const Centroids top = to_grid(hierarchy.top), leaves = to_grid(hierarchy.leaves);
  const std::size_t dim = source.dim();
  Nearest nearest(params.kernel, dim, pool.size());
  if (top.k() > 0) nearest.set(top, true, pool);
  return assign_with(
      comm, source, leaves, params.block_rows, pool,
      [&](const float16* rows, std::size_t count, std::uint32_t* cluster, double* distance, std::size_t thread) {
        nearest.find(rows, count, Known::nothing, cluster, nullptr, thread);
        for (std::size_t i = 0; i < count; ++i) {
          const float16* x = rows + i * dim;
          double best = std::numeric_limits<double>::infinity();
          const std::uint32_t parent = cluster[i];
          for (std::uint32_t j = hierarchy.start[parent]; j < hierarchy.start[parent + 1]; ++j) {
            const double score = leaves.norm2[j] - 2 * exact_dot(x, leaves.values.row(j).data(), dim);
            if (score < best) best = score, cluster[i] = j;
          }
          distance[i] = exact_norm2(x, dim) + best;
        }
      });
}

}  // namespace equal::cluster
