#include "groups.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace equal::cluster {
namespace {

using Indices = std::span<std::uint32_t>;

/// Projections on the direction of largest spread, by three steps of the power method from the farthest member.
std::vector<float> project(const Centroids& centroids, Indices members) {
  const std::size_t dim = centroids.dim();
  std::vector<float> mean(dim), direction(dim), next(dim), projection(members.size());
  const auto row = [&](std::size_t i) { return centroids.values.row(members[i]); };
  for (std::size_t i = 0; i < members.size(); ++i) {
    for (std::size_t d = 0; d < dim; ++d) mean[d] += row(i)[d] / static_cast<float>(members.size());
  }
  float farthest = -1;
  for (std::size_t i = 0; i < members.size(); ++i) {
    float distance = 0;
    for (std::size_t d = 0; d < dim; ++d) distance += (row(i)[d] - mean[d]) * (row(i)[d] - mean[d]);
    if (distance <= farthest) continue;
    farthest = distance;
    for (std::size_t d = 0; d < dim; ++d) direction[d] = row(i)[d] - mean[d];
  }
  for (int step = 0; step < 3; ++step) {
    std::fill(next.begin(), next.end(), 0.0F);
    float norm = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      float p = 0;
      for (std::size_t d = 0; d < dim; ++d) p += (row(i)[d] - mean[d]) * direction[d];
      projection[i] = p;
      for (std::size_t d = 0; d < dim; ++d) next[d] += p * (row(i)[d] - mean[d]);
    }
    for (const float v : next) norm += v * v;
    if (!(norm > 0)) break;  // all members are equal
    for (std::size_t d = 0; d < dim; ++d) direction[d] = next[d] / std::sqrt(norm);
  }
  return projection;
}

void split(const Centroids& centroids, Indices members) {
  if (members.size() <= kLanes) return;
  const std::vector<float> projection = project(centroids, members);
  std::vector<std::uint32_t> order(members.size()), sorted(members.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return projection[a] < projection[b]; });
  std::transform(order.begin(), order.end(), sorted.begin(), [&](std::uint32_t i) { return members[i]; });
  std::copy(sorted.begin(), sorted.end(), members.begin());
  const std::size_t half = (members.size() / 2 + kLanes - 1) / kLanes * kLanes;  // whole groups on the left
  split(centroids, members.first(half));
  split(centroids, members.subspan(half));
}

}  // namespace

Groups make_groups(const Centroids& centroids) {
  Groups groups;
  const std::size_t k = centroids.k();
  groups.member.resize(k);
  std::iota(groups.member.begin(), groups.member.end(), 0U);
  split(centroids, groups.member);
  groups.place.resize(k);
  for (std::size_t i = 0; i < k; ++i) groups.place[groups.member[i]] = static_cast<std::uint32_t>(i);
  groups.member.resize((k + kLanes - 1) / kLanes * kLanes, kNoCluster);
  return groups;
}

}  // namespace equal::cluster
