// Which documents of the staged chunks stand earlier in the corpus already.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include "equal/job/job.hpp"

#include "staging.hpp"

namespace equal::job {

struct Duplicates {
  std::map<ChunkKey, std::set<std::uint64_t>> drop;  ///< of this rank's chunks
  std::uint64_t ids = 0, texts = 0;                  ///< over all ranks
};

/// Collective. Documents whose id, or whose text unless ingest.keep_duplicate_texts, stands earlier in the order of the
/// corpus: in a partition of `existing`, or in a staged chunk of any rank. `mine`: the chunks that this rank staged.
/// Each digest has one rank that sees all its places. Memory: about 200 bytes a document of this rank at the peak.
Duplicates find_duplicates(Job& job, const std::filesystem::path& staging, const std::vector<StagedChunk>& mine,
                           const Catalog& existing);

}  // namespace equal::job
