// k-means in two levels, for more clusters than a flat fit can afford: k1 clusters first, then each is split by itself.
#pragma once

#include <cstdint>
#include <vector>

#include "equal/cluster/kmeans.hpp"

namespace equal::cluster {

struct Hierarchy {
  linalg::Matrix<double> top;        ///< (k1, dim)
  std::vector<std::uint32_t> start;  ///< (k1 + 1): the children of top cluster i are leaves start[i] .. start[i+1]-1
  linalg::Matrix<double> leaves;     ///< (k, dim), multiples of 2^-24 like those of kmeans()
  std::vector<double> objective;     ///< of the first level's fit, as in KMeansResult
  bool converged = false;            ///< the first level's fit did
};

/// Collective; equal params on all ranks. Fits `top` clusters, shares params.k leaves out in proportion to their rows
/// (at least one each, at most one a row), and fits each cluster's leaves on its own rows. Exact and equal on any
/// number of ranks and threads, as kmeans() is. A row is compared with top + k / top centroids instead of k; what that
/// loses of the objective is in docs/algorithms/kmeans.md. Without any row there are no clusters. Memory: kmeans() with
/// k = top, and the fitted rows of as many top clusters as fit params.memory_bytes (at least one). `callback` is that
/// of kmeans(), called in the fit of each of the top + 1 sets of clusters; false ends that fit only.
Hierarchy kmeans_hierarchy(comm::Communicator& comm, EmbeddingSource& source, const KMeansParams& params,
                           std::uint32_t top, ThreadPool& pool, const KMeansCallback& callback = {});

/// Collective. The nearest leaf among the children of the nearest top cluster: cheap, and not always the nearest leaf
/// of all. For that, call assign() with hierarchy.leaves.
Assignment assign_hierarchy(comm::Communicator& comm, EmbeddingSource& source, const Hierarchy& hierarchy,
                            const KMeansParams& params, ThreadPool& pool);

}  // namespace equal::cluster
