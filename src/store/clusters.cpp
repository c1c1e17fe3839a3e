#include "equal/store/clusters.hpp"

#include <algorithm>

#include "equal/base/error.hpp"

#include "hdf5_file.hpp"

namespace equal::store {
namespace {

constexpr const char* kClustersFormat = "equal-clusters";
constexpr unsigned kClustersVersion = 1;

std::string inconsistency(const Clusters& c) {
  const std::size_t k = c.counts.size();
  if (c.centroids.size() != k * c.dim) return "centroids is not (k, dim)";
  if (c.radius.size() != k || c.variance.size() != k) return "radius and variance are not (k)";
  if (c.neighbours.size() != c.neighbour_distances.size()) return "neighbours and their distances differ in length";
  if (c.neighbour_start.size() != k + 1 || c.neighbour_start.front() != 0 ||
      c.neighbour_start.back() != c.neighbours.size() ||
      !std::is_sorted(c.neighbour_start.begin(), c.neighbour_start.end())) {
    return "neighbour_start does not rise from 0 to the number of neighbours";
  }
  if (std::any_of(c.neighbours.begin(), c.neighbours.end(), [k](std::uint32_t id) { return id >= k; }))
    return "a neighbour is no cluster";
  return {};
}

}  // namespace

std::string write_clusters(const std::filesystem::path& path, const Clusters& clusters, const MadeFrom& made_from) {
  Clusters with_neighbours;
  const Clusters* c = &clusters;
  if (clusters.neighbour_start.empty() && clusters.neighbours.empty()) {
    with_neighbours = clusters;
    with_neighbours.neighbour_start.assign(clusters.counts.size() + 1, 0);
    c = &with_neighbours;
  }
  if (const std::string problem = inconsistency(*c); !problem.empty())
    throw InternalError(path.string() + ": " + problem);
  const std::uint64_t k = c->counts.size();
  ArrayFileWriter file(path, kClustersFormat, kClustersVersion,
                       {{"centroids", ElementType::f64, {k, c->dim}},
                        {"counts", ElementType::u64, {k}},
                        {"radius", ElementType::f64, {k}},
                        {"variance", ElementType::f64, {k}},
                        {"objective", ElementType::f64, {c->objective.size()}},
                        {"neighbour_start", ElementType::u64, {k + 1}},
                        {"neighbours", ElementType::u32, {c->neighbours.size()}},
                        {"neighbour_distances", ElementType::f64, {c->neighbour_distances.size()}}});
  file.append(0, std::span<const double>(c->centroids));
  file.append(1, std::span<const std::uint64_t>(c->counts));
  file.append(2, std::span<const double>(c->radius));
  file.append(3, std::span<const double>(c->variance));
  file.append(4, std::span<const double>(c->objective));
  file.append(5, std::span<const std::uint64_t>(c->neighbour_start));
  file.append(6, std::span<const std::uint32_t>(c->neighbours));
  file.append(7, std::span<const double>(c->neighbour_distances));
  return file.finish({{"clusters", k}, {"dim", c->dim}}, made_from);
}

ClustersFile read_clusters(const std::filesystem::path& path) {
  const ArrayFileReader file(path, kClustersFormat, kClustersVersion, Verify::header);
  ClustersFile out{file.header(), {}};
  Clusters& c = out.clusters;
  const std::size_t centroids = file.find("centroids", ElementType::f64, {-1, -1});
  c.dim = file.dim(centroids, 1);
  c.centroids = file.read_all<double>(centroids);
  c.counts = file.read_all<std::uint64_t>(file.find("counts", ElementType::u64, {-1}));
  c.radius = file.read_all<double>(file.find("radius", ElementType::f64, {-1}));
  c.variance = file.read_all<double>(file.find("variance", ElementType::f64, {-1}));
  c.objective = file.read_all<double>(file.find("objective", ElementType::f64, {-1}));
  c.neighbour_start = file.read_all<std::uint64_t>(file.find("neighbour_start", ElementType::u64, {-1}));
  c.neighbours = file.read_all<std::uint32_t>(file.find("neighbours", ElementType::u32, {-1}));
  c.neighbour_distances = file.read_all<double>(file.find("neighbour_distances", ElementType::f64, {-1}));
  if (const std::string problem = inconsistency(c); !problem.empty()) file.fail("", problem);
  return out;
}

}  // namespace equal::store
