// Clusters and reference in the plane, for the map of the report.
#pragma once

#include <array>
#include <vector>

#include "equal/linalg/matrix.hpp"
#include "equal/store/clusters.hpp"

namespace equal::job {

struct Projection {
  std::vector<std::array<double, 2>> clusters, reference;
};

/// The two leading principal axes of the centroids, weighted by the square root of their documents (so that a few huge
/// clusters do not decide alone); the reference is projected onto the same axes. `reference` (items, dim), perhaps
/// without rows. Cost: k dim^2.
Projection project(const store::Clusters& clusters, linalg::MatrixView<const float> reference);

/// For each row of `reference` the nearest cluster by cosine of the centroid, and that cosine.
struct NearestCluster {
  std::uint32_t cluster = 0;
  double cosine = -1;
};
std::vector<NearestCluster> nearest_clusters(const store::Clusters& clusters,
                                             linalg::MatrixView<const float> reference);

}  // namespace equal::job
