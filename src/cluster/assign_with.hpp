// One streaming pass that assigns all rows by a given rule and gathers the statistics of the clusters.
#pragma once

#include <functional>

#include "equal/cluster/kmeans.hpp"

#include "centroids.hpp"

namespace equal::cluster {

/// For rows (count, dim): their clusters and |x - c|^2. Called by several threads.
using Finder = std::function<void(const float16* rows, std::size_t count, std::uint32_t* cluster,
                                  double* squared_distance, std::size_t thread)>;

/// Collective.
Assignment assign_with(comm::Communicator& comm, EmbeddingSource& source, const Centroids& centroids,
                       std::size_t block_rows, ThreadPool& pool, const Finder& find);

}  // namespace equal::cluster
