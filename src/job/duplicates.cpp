#include "duplicates.hpp"

#include <algorithm>
#include <limits>

#include "equal/base/bytes.hpp"
#include "equal/base/checked.hpp"
#include "equal/base/error.hpp"
#include "equal/store/partition.hpp"

namespace equal::job {
namespace {

constexpr std::uint64_t kEntriesARound = std::uint64_t{1} << 19;  // of a rank, on average
constexpr std::uint32_t kExisting = 0;                            // chunks count from 1: earlier places are lower

/// Where a digest stands.
struct Entry {
  Digest128 digest;
  std::uint32_t chunk = kExisting, ordinal = 0;
};

bool before(const Entry& a, const Entry& b) {
  if (a.digest != b.digest) return a.digest < b.digest;
  return a.chunk != b.chunk ? a.chunk < b.chunk : a.ordinal < b.ordinal;
}

/// Collective. One round: entries of all ranks with the same digests meet on one rank, which answers with those that
/// are not the first.
void exchange(comm::Communicator& comm, std::span<const Entry> entries, std::vector<Entry>& later) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  std::vector<std::vector<Entry>> out(ranks);
  for (const Entry& e : entries) out[e.digest.low % ranks].push_back(e);
  std::vector<std::string> bytes(ranks);
  for (std::size_t r = 0; r < ranks; ++r) {
    bytes[r] = ByteWriter().put_span(std::span(std::as_const(out[r]))).take();
    out[r] = {};
  }
  struct Seen {
    Entry entry;
    std::uint32_t from;
  };
  std::vector<Seen> all;
  {
    const auto received = comm.all_to_all(std::move(bytes));
    for (std::size_t r = 0; r < ranks; ++r) {
      for (const Entry& e : ByteReader(received[r]).get_vector<Entry>())
        all.push_back({e, static_cast<std::uint32_t>(r)});
    }
  }
  std::sort(all.begin(), all.end(), [](const Seen& a, const Seen& b) { return before(a.entry, b.entry); });
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Entry& e = all[i].entry;
    if (e.digest == all[i - 1].entry.digest && e.chunk != kExisting) out[all[i].from].push_back(e);
  }
  bytes.assign(ranks, {});
  for (std::size_t r = 0; r < ranks; ++r) bytes[r] = ByteWriter().put_span(std::span(std::as_const(out[r]))).take();
  for (const auto& part : comm.all_to_all(std::move(bytes))) {
    const auto found = ByteReader(part).get_vector<Entry>();
    later.insert(later.end(), found.begin(), found.end());
  }
}

/// Collective. The caller's entries that are not the first of their digest.
std::vector<Entry> later_entries(comm::Communicator& comm, std::vector<Entry> mine) {
  std::sort(mine.begin(), mine.end(), before);
  std::uint64_t rounds = mine.size() / kEntriesARound + 1;
  comm.max(std::span<std::uint64_t>(&rounds, 1));
  const std::uint64_t step = std::numeric_limits<std::uint64_t>::max() / rounds;
  std::vector<Entry> later;
  auto from = mine.begin();
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    const auto to = round == rounds
                        ? mine.end()
                        : std::lower_bound(from, mine.end(), step * round,
                                           [](const Entry& e, std::uint64_t high) { return e.digest.high < high; });
    exchange(comm, {from, to}, later);
    from = to;
  }
  return later;
}

using DigestOf = Digest128 WholeDocument::*;
using DigestsOf = std::vector<Digest128> (store::PartitionReader::*)() const;

/// Collective. Adds to out.drop what has the id, or the text, of an earlier document; returns how many were not in it
/// yet.
std::uint64_t drop_later(Job& job, const std::vector<StagedChunk>& mine, const std::vector<ChunkKey>& keys,
                         const Catalog& existing, DigestOf digest_of, DigestsOf digests_of, Duplicates& out) {
  std::vector<Entry> entries;
  comm::agree(job.comm, [&] {
    const auto worker = job.comm.worker_index();
    if (!worker) return;
    for (const PartitionId p : existing.owned_by(*worker, job.comm.workers())) {
      const store::PartitionReader partition(store::partition_file(job.workspace.corpus(), p.value));
      for (const Digest128& d : (partition.*digests_of)()) entries.push_back({d, kExisting, 0});
    }
    for (const StagedChunk& c : mine) {
      const auto place = std::lower_bound(keys.begin(), keys.end(), c.key) - keys.begin();
      const auto chunk = narrow<std::uint32_t>(place + 1, "chunks of the inputs");
      const auto documents = read_whole_documents(job.workspace.staging(), c.key);
      entries.reserve(entries.size() + documents.size());
      for (std::size_t i = 0; i < documents.size(); ++i) {
        entries.push_back({documents[i].*digest_of, chunk, narrow<std::uint32_t>(i, "documents of a chunk")});
      }
    }
  });
  std::uint64_t added = 0;
  std::map<ChunkKey, std::vector<std::uint32_t>> found;
  for (const Entry& e : later_entries(job.comm, std::move(entries))) found[keys[e.chunk - 1]].push_back(e.ordinal);
  for (auto& [key, ordinals] : found) {
    std::vector<std::uint32_t>& drop = out.drop[key];
    const std::size_t old = drop.size();
    std::sort(ordinals.begin(), ordinals.end());
    std::vector<std::uint32_t> merged;
    std::set_union(drop.begin(), drop.end(), ordinals.begin(), ordinals.end(), std::back_inserter(merged));
    added += merged.size() - old;
    drop = std::move(merged);
  }
  return comm::sum_one(job.comm, added);
}

}  // namespace

Duplicates find_duplicates(Job& job, const std::vector<StagedChunk>& mine, const std::vector<ChunkKey>& keys,
                           const Catalog& existing) {
  Duplicates out;
  out.ids = drop_later(job, mine, keys, existing, &WholeDocument::id, &store::PartitionReader::whole_digests, out);
  if (!job.settings.keep_duplicate_texts)
    out.texts =
        drop_later(job, mine, keys, existing, &WholeDocument::text, &store::PartitionReader::whole_text_digests, out);
  return out;
}

}  // namespace equal::job
