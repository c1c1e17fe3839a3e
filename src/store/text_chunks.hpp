// Chunks of a folder of text files: consecutive files, a new chunk when the last one holds partition_bytes. Internal to store/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace equal::store {

struct TextChunk {
  std::size_t begin = 0, end = 0;  // files
};

std::vector<TextChunk> text_chunks(const std::vector<std::uint64_t>& sizes, std::uint64_t partition_bytes);

}  // namespace equal::store
