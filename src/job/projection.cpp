#include "projection.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "equal/linalg/eigen.hpp"

namespace equal::job {

Projection project(const store::Clusters& clusters, linalg::MatrixView<const float> reference) {
  const std::size_t k = clusters.count(), dim = clusters.dim;
  std::vector<double> mean(dim);
  double total = 0;
  for (std::uint32_t c = 0; c < k; ++c) {
    const double w = std::sqrt(static_cast<double>(clusters.counts[c]));
    total += w;
    for (std::size_t j = 0; j < dim; ++j) mean[j] += w * clusters.centroid(c)[j];
  }
  for (double& m : mean) m /= total > 0 ? total : 1;
  linalg::Matrix<double> scatter(dim, dim);
  for (std::uint32_t c = 0; c < k; ++c) {
    const double w = std::sqrt(static_cast<double>(clusters.counts[c]));
    const auto x = clusters.centroid(c);
    for (std::size_t i = 0; i < dim; ++i) {
      const double xi = w * (x[i] - mean[i]);
      for (std::size_t j = 0; j <= i; ++j) scatter(i, j) += xi * (x[j] - mean[j]);
    }
  }
  const auto axes = linalg::eigen_symmetric(std::as_const(scatter).view()).vectors;
  const auto place = [&](auto value) {
    std::array<double, 2> out{};
    for (std::size_t a = 0; a < std::min<std::size_t>(2, dim); ++a) {
      for (std::size_t j = 0; j < dim; ++j) out[a] += (static_cast<double>(value(j)) - mean[j]) * axes(a, j);
    }
    return out;
  };
  Projection out;
  for (std::uint32_t c = 0; c < k; ++c)
    out.clusters.push_back(place([&](std::size_t j) { return clusters.centroid(c)[j]; }));
  for (std::size_t r = 0; r < reference.rows; ++r)
    out.reference.push_back(place([&](std::size_t j) { return reference.row(r)[j]; }));
  return out;
}

std::vector<NearestCluster> nearest_clusters(const store::Clusters& clusters,
                                             linalg::MatrixView<const float> reference) {
  std::vector<NearestCluster> out(reference.rows);
  for (std::uint32_t c = 0; c < clusters.count(); ++c) {
    const auto x = clusters.centroid(c);
    double square = 0;
    for (const double v : x) square += v * v;
    if (square == 0) continue;
    for (std::size_t r = 0; r < reference.rows; ++r) {
      double dot = 0;
      for (std::size_t j = 0; j < x.size(); ++j) dot += x[j] * static_cast<double>(reference.row(r)[j]);
      const double cosine = dot / std::sqrt(square);
      if (cosine > out[r].cosine) out[r] = {c, cosine};
    }
  }
  return out;
}

}  // namespace equal::job
