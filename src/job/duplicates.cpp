#include "duplicates.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "equal/base/bytes.hpp"
#include "equal/store/partition.hpp"

namespace equal::job {
namespace {

/// Where a digest stands: earlier places win. Documents of existing partitions come before all.
struct Place {
  ChunkKey key;
  std::uint64_t ordinal = 0;
  std::uint8_t existing = 0;
  auto operator<=>(const Place& o) const {
    if (existing != o.existing) return o.existing <=> existing;
    if (key != o.key) return key <=> o.key;
    return ordinal <=> o.ordinal;
  }
  bool operator==(const Place&) const = default;
};

struct Entry {
  Digest128 digest;
  Place place;
};

/// Collective. Ordinals to drop, by chunk, among the caller's entries: each digest has one rank that sees all its
/// places.
std::map<ChunkKey, std::set<std::uint64_t>> later_places(comm::Communicator& comm, const std::vector<Entry>& entries) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  std::vector<ByteWriter> out(ranks);
  for (const Entry& e : entries)
    out[e.digest.low % ranks].put(e.digest).put(e.place.key).put(e.place.ordinal).put(e.place.existing);
  std::vector<std::string> bytes;
  for (auto& w : out) bytes.push_back(w.take());
  const auto received = comm.all_to_all(std::move(bytes));

  struct Seen {
    Entry entry;
    std::size_t from;
  };
  std::vector<Seen> all;
  for (std::size_t r = 0; r < ranks; ++r) {
    ByteReader reader(received[r]);
    while (!reader.done()) {
      Seen s{{}, r};
      s.entry.digest = reader.get<Digest128>();
      s.entry.place.key = reader.get<ChunkKey>();
      s.entry.place.ordinal = reader.get<std::uint64_t>();
      s.entry.place.existing = reader.get<std::uint8_t>();
      all.push_back(s);
    }
  }
  std::sort(all.begin(), all.end(), [](const Seen& a, const Seen& b) {
    return a.entry.digest != b.entry.digest ? a.entry.digest < b.entry.digest : a.entry.place < b.entry.place;
  });
  std::vector<ByteWriter> drops(ranks);
  for (std::size_t i = 1; i < all.size(); ++i) {
    const Place& place = all[i].entry.place;
    if (all[i].entry.digest == all[i - 1].entry.digest && place.existing == 0)
      drops[all[i].from].put(place.key).put(place.ordinal);
  }
  bytes.clear();
  for (auto& w : drops) bytes.push_back(w.take());
  std::map<ChunkKey, std::set<std::uint64_t>> result;
  for (const auto& part : comm.all_to_all(std::move(bytes))) {
    ByteReader reader(part);
    while (!reader.done()) {
      const auto key = reader.get<ChunkKey>();
      result[key].insert(reader.get<std::uint64_t>());
    }
  }
  return result;
}

}  // namespace

Duplicates find_duplicates(Job& job, const std::filesystem::path& staging, const std::vector<StagedChunk>& mine,
                           const Catalog& existing) {
  std::vector<Entry> ids, texts;
  comm::agree(job.comm, [&] {
    const auto worker = job.comm.worker_index();
    if (!worker) return;
    for (const PartitionId p : existing.owned_by(*worker, job.comm.workers())) {
      const store::PartitionReader partition(store::partition_file(job.workspace.corpus(), p.value));
      for (const Digest128& d : partition.whole_digests()) ids.push_back({d, {{}, 0, 1}});
      for (const Digest128& d : partition.whole_text_digests()) texts.push_back({d, {{}, 0, 1}});
    }
    for (const StagedChunk& c : mine) {
      std::uint64_t last = ~std::uint64_t{0};
      read_staged(staging, c.key, [&](std::uint64_t ordinal, store::Document&& d) {
        if (ordinal == std::exchange(last, ordinal)) return;
        ids.push_back({d.whole_digest, {c.key, ordinal, 0}});
        texts.push_back({d.whole_text_digest, {c.key, ordinal, 0}});
      });
    }
  });
  Duplicates out;
  out.drop = later_places(job.comm, ids);
  for (const auto& [key, ordinals] : out.drop) out.ids += ordinals.size();
  if (!job.settings.keep_duplicate_texts) {
    for (auto& [key, ordinals] : later_places(job.comm, texts)) {
      for (const std::uint64_t ordinal : ordinals) out.texts += out.drop[key].insert(ordinal).second ? 1 : 0;
    }
  }
  out.ids = comm::sum_one(job.comm, out.ids);
  out.texts = comm::sum_one(job.comm, out.texts);
  return out;
}

}  // namespace equal::job
