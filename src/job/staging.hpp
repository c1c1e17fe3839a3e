// The first half of ingest: each chunk of the input as a file of parsed documents, complete or not there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "equal/base/digest.hpp"
#include "equal/base/thread_pool.hpp"
#include "equal/store/corpus_reader.hpp"

namespace equal::job {

/// A chunk in the order of the corpus.
struct ChunkKey {
  std::uint32_t input = 0;
  std::uint32_t chunk = 0;
  auto operator<=>(const ChunkKey&) const = default;
};

/// The digests of a whole document; its place in a list of them is its ordinal in the chunk.
struct WholeDocument {
  Digest128 id, text;
};

struct StagedChunk {
  ChunkKey key;
  store::ChunkTally tally;
};

/// Reads one splittable chunk, or all chunks of an input that is not, into files below `folder`; what is there and made
/// from the same bytes and settings is kept. `report` is told documents as they come.
std::vector<StagedChunk> stage_input(const std::filesystem::path& folder, const store::CorpusParams& params,
                                     const store::Input& input, const std::string& fingerprint,
                                     std::uint32_t input_index, std::uint32_t first_chunk, bool only_first,
                                     ThreadPool& pool, const std::function<void(std::uint64_t)>& report);

/// The documents of a staged chunk in order, with the ordinal of the whole document that each belongs to.
void read_staged(const std::filesystem::path& folder, ChunkKey key,
                 const std::function<void(std::uint64_t ordinal, store::Document&&)>& visit);

/// The whole documents of a staged chunk in order, from a small file of their own.
std::vector<WholeDocument> read_whole_documents(const std::filesystem::path& folder, ChunkKey key);

}  // namespace equal::job
