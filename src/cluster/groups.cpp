#include "groups.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace equal::cluster {
namespace {

using Indices = std::span<std::uint32_t>;

/// Projections on the direction of largest spread, by three steps of the power method from the farthest member.
std::vector<double> project(const Centroids& centroids, Indices members) {
  const std::size_t dim = centroids.dim();
  const auto row = [&](std::size_t i) { return centroids.values.row(members[i]); };
  std::vector<float> mean(dim), direction(dim);
  std::vector<double> projection(members.size());
  const auto dot = [&](std::size_t i, const std::vector<float>& v) { return exact_dot(row(i).data(), v.data(), dim); };
  const auto add = [&](std::size_t i, float factor, std::vector<float>& v) {
    const float* x = row(i).data();
    for (std::size_t d = 0; d < dim; ++d) v[d] += factor * x[d];
  };
  for (std::size_t i = 0; i < members.size(); ++i) add(i, 1.0F / static_cast<float>(members.size()), mean);
  std::size_t farthest = 0;
  double most = -1;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const double distance = centroids.norm2[members[i]] - 2 * dot(i, mean);  // less |mean|^2
    if (distance > most) most = distance, farthest = i;
  }
  for (std::size_t d = 0; d < dim; ++d) direction[d] = row(farthest)[d] - mean[d];
  for (int step = 0; step < 3; ++step) {
    const double offset = exact_dot(mean.data(), direction.data(), dim);
    std::vector<float> next(dim);
    double total = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
      projection[i] = dot(i, direction) - offset;
      add(i, static_cast<float>(projection[i]), next);
      total += projection[i];
    }
    for (std::size_t d = 0; d < dim; ++d) next[d] -= static_cast<float>(total) * mean[d];
    const double norm = exact_norm2(next.data(), dim);
    if (!(norm > 0)) break;  // all members are equal
    for (std::size_t d = 0; d < dim; ++d) direction[d] = next[d] / static_cast<float>(std::sqrt(norm));
  }
  return projection;
}

void split(const Centroids& centroids, Indices members) {
  if (members.size() <= kLanes) return;
  const std::vector<double> projection = project(centroids, members);
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
