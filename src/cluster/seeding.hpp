// Where a fit starts, and what it does with empty clusters.
#pragma once

#include "equal/cluster/kmeans.hpp"

#include "fit_rows.hpp"
#include "nearest.hpp"

namespace equal::cluster {

/// A row that travels between ranks: `key` orders (a hash: the same on any number of ranks).
struct KeyedRow {
  std::uint64_t key = 0;
  std::uint64_t row = 0;  ///< in FitRows of the rank that offers it
};

/// Collective. All ranks' rows, ascending by key (then by their bits): (n, dim) values.
linalg::Matrix<float> gather_rows(comm::Communicator& comm, FitRows& rows, std::span<const KeyedRow> offered);

/// Collective. k starting centroids (rows of the data; fewer when there are fewer rows).
Centroids seed_centroids(comm::Communicator& comm, FitRows& rows, const KMeansParams& params, std::uint64_t seed,
                         Nearest& nearest, ThreadPool& pool);

/// Collective. Moves each empty cluster of `next` to one of the rows farthest from the centroid it is assigned to (in
/// `current`; `counts`: rows of each cluster): distinct vectors, largest distance first, none with distance 0. Returns
/// how many were moved.
std::size_t reseed_empty(comm::Communicator& comm, FitRows& rows, const Centroids& current,
                         std::span<const std::uint32_t> cluster, std::span<const std::int64_t> counts,
                         std::uint64_t seed, Centroids& next);

}  // namespace equal::cluster
