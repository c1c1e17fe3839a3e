#include <algorithm>
#include <cmath>
#include <queue>
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

std::vector<Drawn> first_of_clusters(const Job& job, const PartitionInfo& info,
                                     std::span<const std::uint64_t> allotted) {
  std::vector<Drawn> out;
  const auto assignment =
      store::read_assignment(store::partition_file(job.workspace.assignment(), info.id.value)).assignment;
  const auto digests = store::PartitionReader(store::partition_file(job.workspace.corpus(), info.id.value)).digests();
  if (assignment.order.size() != digests.size())
    throw DataError(format("{}: does not fit its partition; run with --redo cluster",
                           store::partition_file(job.workspace.assignment(), info.id.value).string()));
  for (std::uint32_t c = 0; c < assignment.clusters(); ++c) {
    const auto documents = assignment.documents(c);  // in draw order
    for (const std::uint32_t index : documents.first(std::min<std::size_t>(allotted[c], documents.size())))
      out.push_back({c, keyed_hash(job.settings.seed, "draw", digests[index]), info.first_document + index});
  }
  return out;
}

}  // namespace

std::vector<std::uint64_t> allot_warmup_sample(std::span<const std::uint64_t> sizes, std::span<const float> similarity,
                                               double focus, std::uint64_t most) {
  const std::size_t k = sizes.size();
  double mean = 0, square = 0;
  for (const float s : similarity) mean += s / static_cast<double>(k);
  for (const float s : similarity) square += (s - mean) * (s - mean) / static_cast<double>(k);
  std::vector<std::uint64_t> out(k, 0);
  using Claim = std::tuple<double, float, std::size_t>;  // the largest is next
  std::priority_queue<Claim> claims;
  const auto claim = [&](std::size_t c) {
    if (out[c] == sizes[c]) return;
    const double z = square > 0 ? (similarity[c] - mean) / std::sqrt(square) : 0.0;
    claims.emplace(focus * z - std::log(2 * static_cast<double>(out[c]) + 1), similarity[c], k - c);
  };
  for (std::size_t c = 0; c < k; ++c) claim(c);
  for (; most > 0 && !claims.empty(); --most) {
    const std::size_t c = k - std::get<2>(claims.top());
    claims.pop();
    ++out[c];
    claim(c);
  }
  return out;
}

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

std::vector<std::uint64_t> draw_warmup_sample(Job& job, const Catalog& catalog,
                                              std::span<const std::uint64_t> allotted) {
  std::string mine;
  comm::agree(job.comm, [&] {
    const auto worker = job.comm.worker_index();
    if (!worker) return;
    std::vector<Drawn> drawn;
    for (const PartitionId p : catalog.owned_by(*worker, job.comm.workers())) {
      if (catalog.partitions[p.value].documents == 0) continue;
      const auto of_partition = first_of_clusters(job, catalog.partitions[p.value], allotted);
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
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0, place = 0; i < all.size(); ++i) {
    place = i > 0 && all[i].cluster == all[i - 1].cluster ? place + 1 : 0;
    if (place < allotted[all[i].cluster]) out.push_back(all[i].number);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace equal::job
