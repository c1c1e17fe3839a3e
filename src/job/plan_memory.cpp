#include "plan_memory.hpp"

#include <algorithm>
#include <cmath>

#include "equal/cluster/kmeans.hpp"

namespace equal::job {
namespace {

using settings::Settings;

constexpr double kMiB = 1 << 20;
constexpr double kReaderBytes = 64 * kMiB;  // CorpusReader, documents of its blocks, the staged block
constexpr double kRoundEntries = 1 << 19,
                 kRoundEntryBytes = 230;         // find_duplicates: one round, its messages and sorting
constexpr double kWindowBytes = 256 * kMiB;      // write_cluster_ordered
constexpr double kWordBytes = 8;                 // of text, for each distinct word of a document
constexpr double kModels = 2, kRemembered = 16;  // Pooled: covariances, asked documents that an arm remembers

}  // namespace

void plan_memory(const Settings& s, const MachineProfile& c, Plan& p) {
  const double n = p.documents, w = p.workers, dim = static_cast<double>(s.encoder_dim), k = p.clusters, f = p.words;
  const double base = c["memory.base"];
  // Of the worker with most partitions, and of one partition.
  const double mine = std::min(n, std::ceil(p.partitions / w) * (n / p.partitions)), part = n / p.partitions;
  const double part_text = p.text_bytes / p.partitions;
  const auto peak = [&](const char* stage, bool coordinator, std::vector<PlannedMemory> components) {
    components.insert(components.begin(), {"program, MPI, libraries", base});
    p.peaks.push_back({stage, coordinator, std::move(components)});
  };
  const double columns = part * (5 * 8 + 4 * 16 + 3 * 8 + c["corpus.id_bytes"] + c["corpus.pair_bytes"]);
  peak("ingest", false,
       {{"readers and blocks", kReaderBytes},
        {"a partition before it is written", part_text + 1.5 * columns},
        {"digests of its documents", 24 * p.rows / w},
        {"one round of duplicates", kRoundEntryBytes * std::min(kRoundEntries, p.rows / w)}});
  const double columns_lsa = dim + 16;
  if (f > 0) {
    const double sample = std::min(n, static_cast<double>(s.encoder_fit_sample)) / w;
    peak("embed", false,
         {{"directions of the table", 4 * f * columns_lsa},
          {"its own part of the table, before and after rounding", 6 * f * dim / w},
          {"sums of sixteen directions, and what travels", 128 * f * (p.threads + 2)},
          {"words of the sampled documents", 2 * 8 * sample * p.text_bytes / n / kWordBytes}});
    peak("embed", true, {{"the table and its parts", 4 * f * dim}});
  }
  cluster::KMeansParams params;
  params.k = static_cast<std::uint32_t>(k);
  const double per_cluster = s.cluster_fit_sample == 0 ? 1e18 : static_cast<double>(s.cluster_fit_sample);
  const double fit_rows = std::min(n, per_cluster * k) / w;
  const auto threads = static_cast<std::size_t>(p.threads);
  const cluster::MemoryPlan fit =
      cluster::plan_memory(params, static_cast<std::uint64_t>(fit_rows), s.encoder_dim, threads);
  const cluster::MemoryPlan none = cluster::plan_memory(params, 0, s.encoder_dim, threads);
  double fitting = static_cast<double>(fit.rows + fit.cache + fit.blocks) + 8 * mine;
  if (s.cluster_top > 0) fitting += std::min(static_cast<double>(params.memory_bytes), fit_rows * (2 * dim + 16));
  const double writing = 8 * mine + std::min(kWindowBytes, part * dim * 2) + 24 * part;
  const std::vector<PlannedMemory> clustering = {
      {"centroids and sums", static_cast<double>(fit.centroids) + 24 * k * dim},
      {"digests of its documents", 16 * mine},
      {fitting > writing ? "rows and bounds of the fit" : "results, and a window of vectors in the order of arms",
       std::max(fitting, writing)}};
  peak("cluster", false, clustering);
  peak("cluster", true, {{"centroids and sums", static_cast<double>(none.centroids) + 24 * k * dim}});
  const double table = 4 * f * dim;
  if (s.warmup) {
    const std::vector<PlannedMemory> training = {
        {"the table, and the one that is trained", 2.5 * table},
        {"texts and pairs of its documents", 4 * p.warmup_asked * (p.text_bytes / n + c["corpus.pair_bytes"])}};
    const auto sum = [](const std::vector<PlannedMemory>& list) {
      double bytes = 0;
      for (const PlannedMemory& m : list) bytes += m.bytes;
      return bytes;
    };
    peak("warmup", false, sum(training) > sum(clustering) ? training : clustering);
  }
  peak("extract", false,
       {{"table, and its file while it is read", table},
        {"the pool of unasked documents", 36 * mine},
        {"the partition that is read", 24 * part},
        {"centroids", 8 * k * dim}});
  const double d = dim + 3, arms = std::min(k, p.asked);
  peak("extract", true,
       {{"table, and its file while it is read", table},
        {"clusters and what the policy knows of them", k * dim * 24},
        {"what the policy has learned",
         kModels * (d * d * 8 + arms * d * 8) + std::min(kRemembered * arms, p.asked) * (4 * dim + 80)},
        {"answers and pairs", 48 * p.asked + 40 * p.pairs}});
  peak("export", true, {{"pairs and places", 56 * p.pairs + 48 * p.asked}});
  double worker = 0, coordinator = 0;
  for (const PlannedPeak& x : p.peaks)
    (x.coordinator ? coordinator : worker) = std::max(x.coordinator ? coordinator : worker, x.bytes());
  const double ranks = p.ranks / p.nodes;
  p.node_memory =
      p.ranks == 1 ? std::max(worker, coordinator) : std::max(ranks * worker, (ranks - 1) * worker + coordinator);
}

}  // namespace equal::job
