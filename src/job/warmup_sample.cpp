#include <algorithm>
#include <tuple>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/base/random.hpp"
#include "equal/store/assignment.hpp"
#include "equal/store/partition.hpp"

#include "warmup.hpp"

namespace equal::job {
namespace {

/// A document that may be drawn: one of the first of its cluster in its partition.
struct Drawn {
  std::uint64_t cluster, hash, number;
  auto operator<=>(const Drawn&) const = default;
};

std::vector<Drawn> first_of_clusters(const Job& job, const PartitionInfo& info, std::uint64_t per_cluster) {
  std::vector<Drawn> out;
  const auto assignment =
      store::read_assignment(store::partition_file(job.workspace.assignment(), info.id.value)).assignment;
  const auto digests = store::PartitionReader(store::partition_file(job.workspace.corpus(), info.id.value)).digests();
  if (assignment.order.size() != digests.size())
    throw DataError(format("{}: does not fit its partition; run with --redo cluster",
                           store::partition_file(job.workspace.assignment(), info.id.value).string()));
  for (std::uint32_t c = 0; c < assignment.clusters(); ++c) {
    const auto documents = assignment.documents(c);  // in draw order
    for (const std::uint32_t index : documents.first(std::min<std::size_t>(per_cluster, documents.size())))
      out.push_back({c, keyed_hash(job.settings.seed, "draw", digests[index]), info.first_document + index});
  }
  return out;
}

}  // namespace

WarmupSample read_warmup_sample(const Workspace& aligned) {
  const auto path = aligned.warmup_sample();
  const Json json = unseal_json(read_file(path), path.string());
  try {
    return {json.at("made_from").get<std::string>(), json.at("documents").get<std::vector<std::uint64_t>>()};
  } catch (const nlohmann::json::exception& e) {
    throw DataError(path.string() + ": not a sample: " + e.what());
  }
}

void write_warmup_sample(const Workspace& aligned, const WarmupSample& sample) {
  std::filesystem::create_directories(aligned.generation());
  write_file_atomically(aligned.warmup_sample(),
                        seal_json({{"made_from", sample.made_from}, {"documents", sample.documents}}, -1));
}

std::vector<std::uint64_t> draw_warmup_sample(Job& job, const Catalog& catalog, std::span<const float> similarity,
                                              std::uint64_t most) {
  const std::uint64_t per_cluster = job.settings.warmup_per_cluster;
  std::string mine;
  comm::agree(job.comm, [&] {
    const auto worker = job.comm.worker_index();
    if (!worker) return;
    std::vector<Drawn> drawn;
    for (const PartitionId p : catalog.owned_by(*worker, job.comm.workers())) {
      if (catalog.partitions[p.value].documents == 0) continue;
      const auto of_partition = first_of_clusters(job, catalog.partitions[p.value], per_cluster);
      drawn.insert(drawn.end(), of_partition.begin(), of_partition.end());
    }
    mine = ByteWriter().put_span(std::span<const Drawn>(drawn)).take();
  });
  std::vector<Drawn> all;
  for (const std::string& bytes : job.comm.gather(mine, 0)) {
    if (bytes.empty()) continue;
    const auto theirs = ByteReader(bytes).get_vector<Drawn>();
    all.insert(all.end(), theirs.begin(), theirs.end());
  }
  std::sort(all.begin(), all.end());  // by cluster, then in draw order
  std::vector<std::tuple<std::uint64_t, float, Drawn>> ranked;
  for (std::size_t i = 0, place = 0; i < all.size(); ++i) {
    place = i > 0 && all[i].cluster == all[i - 1].cluster ? place + 1 : 0;
    if (place < per_cluster) ranked.emplace_back(place, -similarity[all[i].cluster], all[i]);
  }
  std::sort(ranked.begin(), ranked.end());
  if (ranked.size() > most) ranked.resize(most);
  std::vector<std::uint64_t> out;
  for (const auto& [place, unlike, drawn] : ranked) out.push_back(drawn.number);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace equal::job
