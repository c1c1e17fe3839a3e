// The staged chunks of all ranks: where each stands in the corpus, and what reading them has counted.
#pragma once

#include <vector>

#include "equal/comm/communicator.hpp"

#include "staging.hpp"

namespace equal::job {

/// Collective. The keys of all ranks' chunks in the order of the corpus, on every rank. `mine`: this rank's chunks.
std::vector<ChunkKey> all_chunks(comm::Communicator& comm, const std::vector<StagedChunk>& mine);

/// Collective. All ranks' chunks with their tallies in the order of the corpus, on rank 0; empty elsewhere.
std::vector<StagedChunk> gather_chunks(comm::Communicator& comm, const std::vector<StagedChunk>& mine);

}  // namespace equal::job
