#include "equal/cluster/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "centroids.hpp"
#include "fit_rows.hpp"

namespace equal::cluster {

NeighbourGraph neighbour_graph(const ClusterStats& stats, double radius, ThreadPool& pool) {
  const std::size_t k = stats.sizes.size(), dim = stats.mean.columns();
  // Means and standard deviations side by side: the distance is one squared Euclidean distance of 2 dim components.
  linalg::Matrix<double> points(k, 2 * dim);
  for (std::size_t j = 0; j < k; ++j) {
    for (std::size_t i = 0; i < dim; ++i) {
      points(j, i) = stats.mean(j, i);
      points(j, dim + i) = std::sqrt(stats.variance(j, i));
    }
  }
  struct Edge {
    std::uint32_t to;
    double distance;
  };
  std::vector<std::vector<Edge>> edges(k);
  pool.run(k, [&](std::size_t a, std::size_t) {
    if (stats.sizes[a] == 0) return;
    for (std::size_t b = 0; b < k; ++b) {
      if (b == a || stats.sizes[b] == 0) continue;
      const auto x = points.row(a), y = points.row(b);
      double sum = 0;  // one order everywhere; (x - y)^2 makes it symmetric to the bit
      for (std::size_t i = 0; i < 2 * dim && sum < radius; ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
      if (sum < radius) edges[a].push_back({static_cast<std::uint32_t>(b), sum});
    }
  });
  NeighbourGraph graph;
  graph.start.push_back(0);
  for (const auto& list : edges) {
    for (const Edge& edge : list) {
      graph.to.push_back(edge.to);
      graph.distance.push_back(edge.distance);
    }
    graph.start.push_back(graph.to.size());
  }
  return graph;
}

double silhouette(comm::Communicator& comm, EmbeddingSource& source, const linalg::Matrix<double>& values,
                  std::uint64_t sample, std::uint64_t seed, ThreadPool& pool) {
  const Centroids centroids = to_grid(values);
  const std::size_t k = centroids.k(), dim = source.dim();
  std::vector<std::uint64_t> hashes;
  comm::agree(comm, [&] { hashes = hashes_of(source, seed, "silhouette sample"); });
  const std::uint64_t limit = smallest_hashes(comm, hashes, sample);
  std::vector<std::uint64_t> selected;
  for (std::uint64_t i = 0; i < hashes.size(); ++i) {
    if (hashes[i] <= limit) selected.push_back(i);
  }
  std::vector<std::int64_t> scores(selected.size());
  const std::uint64_t local = selected.size();
  comm::agree(comm, [&] {
    if (k < 2) return;
    FitRows rows(source, std::move(selected), false, 4096);
    rows.for_each_block([&](std::uint64_t first, std::size_t count, const float16* block) {
      pool.run(count, [&](std::size_t i, std::size_t) {
        std::vector<float> x(dim);
        linalg::to_float32({block + i * dim, dim}, x);
        const double norm = exact_norm2(x.data(), dim);
        double nearest = std::numeric_limits<double>::infinity(), second = nearest;
        for (std::size_t j = 0; j < k; ++j) {
          const double d = norm + (centroids.norm2[j] - 2 * exact_dot(x.data(), centroids.values.row(j).data(), dim));
          second = std::min(second, std::max(nearest, d));
          nearest = std::min(nearest, d);
        }
        const double a = std::sqrt(nearest), b = std::sqrt(second);
        scores[first + i] = b > 0 ? to_fixed((b - a) / b) : 0;
      });
    });
  });
  std::int64_t sum = 0;
  for (const std::int64_t s : scores) sum += s;
  std::int64_t totals[2] = {sum, static_cast<std::int64_t>(local)};
  comm.sum(std::span<std::int64_t>(totals));
  return totals[1] == 0 ? 0.0 : static_cast<double>(totals[0]) * kPotentialUnit / static_cast<double>(totals[1]);
}

}  // namespace equal::cluster
