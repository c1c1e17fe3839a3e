// Stage cluster: vectors -> centroids, the cluster of each document, and a copy of the vectors ordered by cluster.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "equal/base/digest.hpp"
#include "equal/base/error.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/cluster/hierarchy.hpp"
#include "equal/cluster/kmeans.hpp"
#include "equal/cluster/neighbours.hpp"
#include "equal/job/job.hpp"
#include "equal/job/progress.hpp"
#include "equal/job/start_checks.hpp"
#include "equal/job/stop.hpp"
#include "equal/store/assignment.hpp"
#include "equal/store/clusters.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/partition.hpp"

#include "kmeans_state.hpp"

namespace equal::job {
namespace fs = std::filesystem;
namespace {

constexpr std::uint32_t kMostClusters = 16384;
constexpr std::uint64_t kSilhouetteSample = 2000;  // documents: good to about 0.005

/// The embeddings of this rank's partitions as one sequence of rows.
class OwnedEmbeddings final : public cluster::EmbeddingSource {
 public:
  OwnedEmbeddings(const Workspace& workspace, const Catalog& catalog, const std::vector<PartitionId>& owned,
                  std::size_t dim)
      : dim_(dim) {
    for (const PartitionId id : owned) {
      Part part{rows_, store::EmbeddingsReader(store::partition_file(workspace.embeddings(), id.value)),
                store::PartitionReader(store::partition_file(workspace.corpus(), id.value)).digests()};
      if (part.embeddings.count() != catalog.partitions[id.value].documents || part.embeddings.dim() != dim) {
        throw DataError(format("{}: holds {} x {} values, expected {} x {}; run with --redo embed",
                               part.embeddings.path().string(), part.embeddings.count(), part.embeddings.dim(),
                               catalog.partitions[id.value].documents, dim));
      }
      rows_ += part.embeddings.count();
      if (part.embeddings.count() > 0) parts_.push_back(std::move(part));
    }
  }
  std::size_t dim() const override { return dim_; }
  std::uint64_t rows() const override { return rows_; }
  void read(std::uint64_t first, std::size_t count, std::span<linalg::float16> out) override {
    for_parts(first, count, [&](const Part& part, std::uint64_t row, std::size_t n, std::size_t done) {
      part.embeddings.read(row, out.subspan(done * dim_, n * dim_));
    });
  }
  void digests(std::uint64_t first, std::size_t count, std::span<Digest128> out) override {
    for_parts(first, count, [&](const Part& part, std::uint64_t row, std::size_t n, std::size_t done) {
      std::copy_n(part.digests.begin() + static_cast<std::ptrdiff_t>(row), n,
                  out.begin() + static_cast<std::ptrdiff_t>(done));
    });
  }
  std::string where(std::uint64_t row) const override {
    const Part& part = part_of(row);
    return format("{}, row {}", part.embeddings.path().string(), row - part.first);
  }

 private:
  struct Part {
    std::uint64_t first;
    store::EmbeddingsReader embeddings;
    std::vector<Digest128> digests;
  };
  const Part& part_of(std::uint64_t row) const {
    return *std::prev(std::upper_bound(parts_.begin(), parts_.end(), row,
                                       [](std::uint64_t r, const Part& p) { return r < p.first; }));
  }
  template <class F>
  void for_parts(std::uint64_t first, std::size_t count, F&& f) const {
    for (std::size_t done = 0; done < count;) {
      const Part& part = part_of(first + done);
      const std::uint64_t row = first + done - part.first;
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(count - done, part.embeddings.count() - row));
      f(part, row, n, done);
      done += n;
    }
  }
  std::size_t dim_;
  std::uint64_t rows_ = 0;
  std::vector<Part> parts_;
};

std::uint32_t number_of_clusters(const settings::Settings& s, std::uint64_t documents) {
  const auto root = static_cast<std::uint64_t>(std::llround(std::sqrt(static_cast<double>(documents))));
  const std::uint64_t wanted = s.cluster_k != 0 ? s.cluster_k : std::min<std::uint64_t>(root, kMostClusters);
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(wanted, 1, std::max<std::uint64_t>(documents, 1)));
}

cluster::KMeansParams kmeans_params(const settings::Settings& s, std::uint32_t k) {
  cluster::KMeansParams p;
  p.k = k;
  p.seed = s.seed;
  p.max_iterations = static_cast<std::uint32_t>(s.cluster_max_iterations);
  p.restarts = static_cast<std::uint32_t>(s.cluster_restarts);
  p.tolerance_moved = s.cluster_tolerance;
  p.seeding = s.cluster_seeding == "random"     ? cluster::Seeding::random
              : s.cluster_seeding == "kmeans++" ? cluster::Seeding::kmeans_plus_plus
                                                : cluster::Seeding::kmeans_parallel;
  p.fit_sample = s.cluster_fit_sample == 0 ? cluster::KMeansParams::kAllRows : s.cluster_fit_sample * k;
  return p;
}

/// Centroids and the cluster of each of this rank's documents.
struct Clustering {
  linalg::Matrix<double> centroids;
  cluster::Assignment assigned;
  std::vector<double> objective;  ///< of the fitted documents in each iteration; two levels: those of the first level
  bool converged = false;
};

store::Clusters to_stored(const Clustering& fit, const cluster::NeighbourGraph& graph) {
  const cluster::ClusterStats& stats = fit.assigned.stats;
  store::Clusters out;
  out.dim = fit.centroids.columns();
  out.centroids.assign(fit.centroids.values().begin(), fit.centroids.values().end());
  out.counts = stats.sizes;
  out.radius = stats.radius;
  for (std::size_t c = 0; c < stats.sizes.size(); ++c) {
    double mean_square = 0;  // of the distance to the centroid: spread around the mean plus the mean's offset
    for (std::size_t j = 0; j < out.dim; ++j) {
      const double offset = stats.mean(c, j) - fit.centroids(c, j);
      mean_square += stats.variance(c, j) + offset * offset;
    }
    out.variance.push_back(stats.sizes[c] == 0 ? 0.0 : mean_square);
  }
  out.objective = fit.objective;
  out.neighbour_start = graph.start;
  out.neighbours = graph.to;
  out.neighbour_distances = graph.distance;
  return out;
}

void write_partition_results(Job& job, const PartitionInfo& info, const std::string& clusters_digest,
                             std::span<const std::uint32_t> cluster, std::uint32_t k) {
  const store::PartitionReader partition(store::partition_file(job.workspace.corpus(), info.id.value));
  std::vector<std::uint64_t> draw_keys;
  for (const Digest128& d : partition.digests()) draw_keys.push_back(keyed_hash(job.settings.seed, "draw", d));
  const store::Assignment assignment = store::make_assignment({cluster.begin(), cluster.end()}, draw_keys, k);
  const store::EmbeddingsReader embeddings(store::partition_file(job.workspace.embeddings(), info.id.value));
  const fs::path file = store::partition_file(job.workspace.assignment(), info.id.value);
  store::write_assignment(file, assignment,
                          {{"clusters", clusters_digest}, {"embeddings", embeddings.header().content_digest}});
  store::write_cluster_ordered(embeddings, assignment, store::read_header(file),
                               store::partition_file(job.workspace.by_cluster(), info.id.value));
}

template <class T>
Json spread(std::vector<T> values) {
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  return {{"smallest", values.front()}, {"median", values[values.size() / 2]}, {"largest", values.back()}};
}

/// Digest of all embeddings, from the headers of their files.
std::string embeddings_digest(const Workspace& workspace, const Catalog& catalog) {
  Sha256 sha;
  for (const auto& p : catalog.partitions)
    sha.update(store::read_header(store::partition_file(workspace.embeddings(), p.id.value)).content_digest);
  return sha.hex();
}

/// Collective. One level: goes on after the last saved iteration.
Clustering cluster_flat(Job& job, cluster::EmbeddingSource& source, const cluster::KMeansParams& params,
                        const std::string& fit_digest) {
  const auto saved = read_kmeans_state(job, fit_digest);
  if (saved && job.comm.is_root())
    log::info("cluster: goes on after iteration {} of fit {}", saved->objective.size(), saved->restart + 1);
  ProgressLine line(job.workspace, "cluster", "iterations", std::uint64_t{params.max_iterations} * params.restarts);
  double next_save = 0;  // seconds of rank 0: saving takes at most a twentieth of the time
  const auto after_iteration = [&](const cluster::KMeansProgress& p) {
    const bool stop = comm::broadcast(job.comm, stop_requested());
    const bool save = comm::broadcast(job.comm, stop || line.seconds() >= next_save);
    const cluster::KMeansState* state = save ? &p.state() : nullptr;
    comm::agree(job.comm, [&] {
      if (!job.comm.is_root()) return;
      if (save) {
        const double before = line.seconds();
        write_kmeans_state(job.workspace, fit_digest, *state);
        next_save = line.seconds() + 20 * (line.seconds() - before);
      }
      line.show(std::uint64_t{p.restart} * params.max_iterations + p.iteration, [&] {
        return format("objective {:.6g}, {} of {} moved", p.objective, human_count(static_cast<double>(p.moved)),
                      human_count(static_cast<double>(p.rows)));
      });
      if (stop)
        throw Error(
            Family::checkpointed,
            format("cluster: stopped on request after iteration {}; the same command line goes on", p.iteration));
    });
    return true;
  };
  auto fit = cluster::kmeans(job.comm, source, params, job.pool, after_iteration, saved);
  end_part(job, "fit");
  auto assigned = cluster::assign(job.comm, source, fit.centroids, params, job.pool);
  end_part(job, "assign");
  return {std::move(fit.centroids), std::move(assigned), std::move(fit.objective), fit.converged};
}

/// Collective. Two levels; begins anew when it was stopped.
Clustering cluster_by_levels(Job& job, cluster::EmbeddingSource& source, const cluster::KMeansParams& params,
                             std::uint32_t top) {
  ProgressLine line(job.workspace, "cluster", "sets of clusters", std::uint64_t{top} + 1);
  std::uint64_t sets = 0;  // that were begun: the first level, then one for each of its clusters
  const auto after_iteration = [&](const cluster::KMeansProgress& p) {
    comm::agree(job.comm, [&] {
      if (p.restart == 0 && p.iteration == 1) ++sets;
      if (!job.comm.is_root()) return;
      line.show(sets - 1);
      if (stop_requested()) throw Error(Family::checkpointed, "cluster: stopped on request; two levels begin anew");
    });
    return true;
  };
  auto levels = cluster::kmeans_hierarchy(job.comm, source, params, top, job.pool, after_iteration);
  end_part(job, "fit");
  auto assigned = cluster::assign_hierarchy(job.comm, source, levels, params, job.pool);
  end_part(job, "assign");
  return {std::move(levels.leaves), std::move(assigned), std::move(levels.objective), levels.converged};
}

}  // namespace

void cluster_stage(Job& job) {
  const auto start = std::chrono::steady_clock::now();
  const Catalog catalog = shared_catalog(job);
  std::string inputs;
  std::size_t dim = 0;
  comm::agree(job.comm, [&] {
    dim = read_stage_record(job.workspace, "embed").facts.value("dim", std::size_t{0});
    if (job.comm.is_root()) inputs = embeddings_digest(job.workspace, catalog);
  });
  StageRecord record =
      expected_record("cluster", job.settings, {{"embeddings", comm::broadcast_string(job.comm, inputs)}});
  if (shared_stage_state(job, record) == StageState::complete) {
    if (job.comm.is_root()) log::info("cluster: complete");
    return;
  }
  const std::uint32_t k = number_of_clusters(job.settings, catalog.documents());
  if (job.comm.is_root())
    log::info("cluster: {} documents into {} clusters", human_count(static_cast<double>(catalog.documents())), k);

  std::vector<PartitionId> owned;
  std::unique_ptr<OwnedEmbeddings> source;
  comm::agree(job.comm, [&] {
    fs::create_directories(job.workspace.assignment());
    fs::create_directories(job.workspace.by_cluster());
    if (const auto index = job.comm.worker_index()) owned = catalog.owned_by(*index, job.comm.workers());
    source = std::make_unique<OwnedEmbeddings>(job.workspace, catalog, owned, dim);
  });

  // By document: its vector in the order of arms, cluster and place.
  require_space(job, "cluster", catalog.documents() * (dim * sizeof(linalg::float16) + 2 * sizeof(std::uint32_t)),
                job.workspace.by_cluster());
  const auto params = kmeans_params(job.settings, k);
  const auto top = static_cast<std::uint32_t>(std::min<std::uint64_t>(job.settings.cluster_top, k));
  const Clustering fit =
      top > 0 ? cluster_by_levels(job, *source, params, top) : cluster_flat(job, *source, params, record.digest());
  const auto found = static_cast<std::uint32_t>(fit.centroids.rows());
  const double silhouette =
      cluster::silhouette(job.comm, *source, fit.centroids, kSilhouetteSample, job.settings.seed, job.pool);
  const auto graph = cluster::neighbour_graph(fit.assigned.stats, job.settings.cluster_neighbour_radius, job.pool);
  end_part(job, "neighbours");

  std::string clusters_digest;
  comm::agree(job.comm, [&] {
    if (job.comm.is_root())
      clusters_digest = store::write_clusters(job.workspace.clusters(), to_stored(fit, graph),
                                              {{"embeddings", record.inputs.at("embeddings")}});
  });
  clusters_digest = comm::broadcast_string(job.comm, clusters_digest);
  comm::agree(job.comm, [&] {
    std::size_t row = 0;
    for (const PartitionId p : owned) {
      const auto n = static_cast<std::size_t>(catalog.partitions[p.value].documents);
      write_partition_results(job, catalog.partitions[p.value], clusters_digest,
                              std::span(fit.assigned.cluster).subspan(row, n), found);
      row += n;
    }
  });
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    record.facts = {{"clusters", found},
                    {"iterations", fit.objective.size()},
                    {"converged", fit.converged},
                    {"objective", fit.assigned.stats.objective},
                    {"silhouette", silhouette},
                    {"silhouette_sample", std::min(catalog.documents(), kSilhouetteSample)},
                    {"sizes", spread(fit.assigned.stats.sizes)},
                    {"radius", spread(fit.assigned.stats.radius)},
                    {"clusters_digest", clusters_digest},
                    {"seconds", seconds}};
    write_stage_record(job.workspace, record);
    fs::remove(job.workspace.kmeans_state());
    log::info("cluster: {} clusters after {} iterations in {}, objective {:.6g}", found, fit.objective.size(),
              human_seconds(seconds), fit.assigned.stats.objective);
  });
  end_part(job, "write");
}

}  // namespace equal::job
