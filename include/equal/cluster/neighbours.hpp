// What is near what: the neighbour graph of clusters, and the silhouette of a sample.
#pragma once

#include <cstdint>
#include <vector>

#include "equal/cluster/kmeans.hpp"

namespace equal::cluster {

/// Lists of neighbours: those of cluster i are to[start[i]] .. to[start[i+1]-1], ascending, i itself not among them.
struct NeighbourGraph {
  std::vector<std::uint64_t> start;  ///< (k + 1)
  std::vector<std::uint32_t> to;
  std::vector<double> distance;  ///< parallel to `to`
};

/// Local. i and j are neighbours when  |mu_i - mu_j|^2 + sum_d (sqrt(var_i,d) - sqrt(var_j,d))^2 < radius: the squared
/// 2-Wasserstein distance of diagonal Gaussians, as the authors of EQUAL released it. Empty clusters have no
/// neighbours. Symmetric. Cost k^2 dim. The values are the same on any number of ranks and threads.
NeighbourGraph neighbour_graph(const ClusterStats& stats, double radius, ThreadPool& pool);

/// Collective. Mean silhouette (Rousseeuw 1987) of at most `sample` rows of lowest hash, in its simplified form: a =
/// distance to the own centroid, b = distance to the nearest other one, s = (b - a) / max(a, b), in [0, 1] for exact
/// assignments; 0 when k < 2 or there are no rows. Costs one pass over the digests and one read of the blocks that hold
/// sampled rows.
double silhouette(comm::Communicator& comm, EmbeddingSource& source, const linalg::Matrix<double>& centroids,
                  std::uint64_t sample, std::uint64_t seed, ThreadPool& pool);

}  // namespace equal::cluster
