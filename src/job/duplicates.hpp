// Documents of the inputs whose id or text an earlier document has: the second step of ingest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

#include "equal/job/catalog.hpp"
#include "equal/job/job.hpp"

#include "staging.hpp"

namespace equal::job {

struct Duplicates {
  std::map<ChunkKey, std::vector<std::uint32_t>> drop;  ///< of this rank's chunks: ordinals to leave out, ascending
  std::uint64_t ids = 0, texts = 0;                     ///< over all ranks
};

/// Collective. The earliest of equal documents stays; those of `existing` partitions come before all. `keys`: the
/// chunks of all ranks in order; `mine`: those of this rank. Each digest has one rank that sees all its places; digests
/// are exchanged in as many rounds as keep the messages of a rank below about 100 MB. Memory: 24 bytes a document of
/// this rank, and one round.
Duplicates find_duplicates(Job& job, const std::vector<StagedChunk>& mine, const std::vector<ChunkKey>& keys,
                           const Catalog& existing);

}  // namespace equal::job
