// The clusters of a generation: clusters.h5, format "equal-clusters" version 1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "equal/store/header.hpp"

namespace equal::store {

struct Clusters {
  std::uint64_t dim = 0;
  std::vector<double> centroids;               ///< (k, dim) row-major
  std::vector<std::uint64_t> counts;           ///< (k) documents
  std::vector<double> radius;                  ///< (k) largest distance of a member from its centroid
  std::vector<double> variance;                ///< (k) mean squared distance of the members
  std::vector<double> objective;               ///< after each iteration: sum of squared distances
  std::vector<std::uint64_t> neighbour_start;  ///< (k+1) neighbours of c: [neighbour_start[c], neighbour_start[c+1])
  std::vector<std::uint32_t> neighbours;
  std::vector<double> neighbour_distances;  ///< as long as neighbours

  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(counts.size()); }
  std::span<const double> centroid(std::uint32_t c) const {
    return std::span(centroids).subspan(std::size_t{c} * dim, dim);
  }
};

/// Publishes; returns the content digest. Throws InternalError when the shapes do not belong together. Empty neighbour
/// arrays stand for "none".
std::string write_clusters(const std::filesystem::path& path, const Clusters& clusters, const MadeFrom& made_from);

struct ClustersFile {
  FileHeader header;
  Clusters clusters;
};

/// Throws DataError when missing, damaged, of another version, or inconsistent.
ClustersFile read_clusters(const std::filesystem::path& path);

}  // namespace equal::store
